-- One row for each custom field of the booking form, with the customer's answer.
select
    bookings.id as booking_id,
    {{ position('answer') }} as position, -- Place in the list, from 1.
    {{ json_text(item('answer'), 'name') }} as name,
    {{ json_text(item('answer'), 'value') }} as value
from {{ stream('bookings') }} as bookings
{{ each(json_list('bookings.form_submission', 'custom_fields'), 'answer') }}
where bookings.id in (select booking_id from {{ ref('stg_bookings') }})
