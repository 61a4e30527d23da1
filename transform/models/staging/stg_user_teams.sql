-- One row for each team that a user belongs to.
select
    users.id as user_id,
    {{ position('team') }} as position, -- Place in the list, from 1.
    {{ item_text('team') }} as team_id
from {{ stream('users') }} as users
{{ each('users.teams', 'team') }}
where users._sdc_deleted_at is null
