-- Every text message that OnceHub has sent.
select
    id as sms_notification_id,
    status,
    creation_time,
    recipient as recipient_id,
    recipient_type,
    {{ json_text('details', 'delivered_to') }} as delivered_to,
    {{ json_text('details', 'message_body') }} as message_body,
    {{ json_integer('details', 'segment_count') }} as segment_count
from {{ stream('sms_notifications') }} as sms_notifications
where _sdc_deleted_at is null
