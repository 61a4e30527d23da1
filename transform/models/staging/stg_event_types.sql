-- Every classic event type.
select
    id as event_type_id,
    name,
    label,
    description
from {{ stream('event_types') }} as event_types
where _sdc_deleted_at is null
