-- One row for each question of a conversation, with the contact's answer.
select
    conversations.id as conversation_id,
    {{ position('answer') }} as position, -- Place in the list, from 1.
    {{ json_text(item('answer'), 'id') }} as interaction_id,
    {{ json_text(item('answer'), 'internal_label') }} as internal_label,
    {{ json_text(item('answer'), 'question') }} as question,
    {{ json_text(item('answer'), 'value') }} as value
from {{ stream('conversations') }} as conversations
{{ each('conversations.answers', 'answer') }}
where conversations._sdc_deleted_at is null
