-- Every conversation that led to a booking.
select
    id as conversation_id,
    status,
    initiated_by,
    contact as contact_id,
    owner as owner_id,
    bot as bot_id,
    website as website_id,
    audience as audience_id,
    creation_time,
    last_updated_time,
    last_interacted_time
from {{ stream('conversations') }} as conversations
where _sdc_deleted_at is null
