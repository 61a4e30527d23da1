-- One row for each custom field of a contact.
select
    contacts.id as contact_id,
    {{ position('custom_field') }} as position, -- Place in the list, from 1.
    {{ json_text(item('custom_field'), 'name') }} as name,
    {{ json_text(item('custom_field'), 'value') }} as value
from {{ stream('contacts') }} as contacts
{{ each('contacts.custom_fields', 'custom_field') }}
where contacts._sdc_deleted_at is null
