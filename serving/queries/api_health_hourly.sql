SELECT
    hour,
    service_name,
    method,
    endpoint,
    request_count,
    client_error_count,
    server_error_count,
    response_time_ms_p50,
    response_time_ms_p95,
    response_time_ms_p99
FROM rollups.rollup_api_health_hourly
WHERE toUnixTimestamp(hour) >= {hour_from:UInt32}
    AND toUnixTimestamp(hour) < {hour_until:UInt32}
    AND ({service_name:String} = '' OR service_name = {service_name:String})
    AND server_error_count >= {server_errors_from:UInt64}
    AND (
        NOT {is_after:Bool}
        OR toUnixTimestamp(hour) < {after_hour:UInt32}
        OR (
            toUnixTimestamp(hour) = {after_hour:UInt32}
            AND (toString(service_name), toString(method), endpoint)
                > ({after_service_name:String}, {after_method:String}, {after_endpoint:String})
        )
    )
ORDER BY hour DESC, toString(service_name), toString(method), endpoint
LIMIT {row_limit:UInt32}
