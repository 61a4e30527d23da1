-- One row for each booking that a conversation led to.
select
    conversations.id as conversation_id,
    {{ position('booking') }} as position, -- Place in the list, from 1.
    {{ item_text('booking') }} as booking_id
from {{ stream('conversations') }} as conversations
{{ each('conversations.bookings', 'booking') }}
where conversations._sdc_deleted_at is null
