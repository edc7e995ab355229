-- One row where the user exists.
SELECT user_id, company_name
FROM marts.dim_users
WHERE user_id = {user_id:UUID}
LIMIT 1
