SELECT 1 AS known FROM users WHERE id = %(user_id)s
