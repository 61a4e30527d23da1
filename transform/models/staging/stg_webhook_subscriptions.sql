-- One row for each event that a webhook is called for.
select
    webhooks.id as webhook_id,
    {{ position('event') }} as position, -- Place in the list, from 1.
    {{ item_text('event') }} as event
from {{ stream('webhooks') }} as webhooks
{{ each('webhooks.events', 'event') }}
where webhooks._sdc_deleted_at is null
