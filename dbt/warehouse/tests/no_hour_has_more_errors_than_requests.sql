-- A request is answered once, by one status.
select hour, service_name, method, endpoint, request_count, client_error_count, server_error_count
from {{ ref('int_api_health__hourly') }}
where client_error_count + server_error_count > request_count
