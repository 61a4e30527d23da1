-- Every webhook; its events are in stg_webhook_subscriptions.
select
    id as webhook_id,
    name,
    url,
    status as is_on,
    api_version,
    creation_time
from {{ stream('webhooks') }} as webhooks
where _sdc_deleted_at is null
