-- Every kind of event that OnceHub names; few accounts have any.
select
    id as webhook_event_id,
    name,
    description,
    type,
    api_version,
    creation_time
from {{ stream('webhook_events') }} as webhook_events
where _sdc_deleted_at is null
