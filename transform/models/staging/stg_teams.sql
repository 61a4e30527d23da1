-- Every team.
select
    id as team_id,
    name
from {{ stream('teams') }} as teams
where _sdc_deleted_at is null
