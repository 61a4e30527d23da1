-- Every user of the account; those who have left are left out.
select
    id as user_id,
    email,
    first_name,
    last_name,
    nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') as name, -- First and last name.
    status,
    role_name,
    timezone
from {{ stream('users') }} as users
where _sdc_deleted_at is null
