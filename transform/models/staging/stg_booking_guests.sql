-- One row for each guest whom the customer named on the booking form.
select
    bookings.id as booking_id,
    {{ position('guest') }} as position, -- Place in the list, from 1.
    {{ item_text('guest') }} as email
from {{ stream('bookings') }} as bookings
{{ each(json_list('bookings.form_submission', 'guests'), 'guest') }}
where bookings.id in (select booking_id from {{ ref('stg_bookings') }})
