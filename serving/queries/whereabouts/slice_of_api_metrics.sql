-- How many requests of a slice there are, and how many of them are in the rollup.
SELECT
    (
        SELECT count()
        FROM analytics.api_metrics
        WHERE date = toDate({hour:DateTime('UTC')})
            AND toStartOfHour(toDateTime(timestamp, 'UTC')) = {hour:DateTime('UTC')}
            AND service_name = {service_name:String}
            AND method = {method:String}
            AND endpoint = {endpoint:String}
    ) AS stored_count,
    (
        SELECT sum(request_count)
        FROM rollups.rollup_api_health_hourly
        WHERE hour = {hour:DateTime('UTC')}
            AND service_name = {service_name:String}
            AND method = {method:String}
            AND endpoint = {endpoint:String}
    ) AS counted_count
