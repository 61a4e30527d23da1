-- One row for each booking, with all that is usually asked of it; those that were deleted or are in the trash are left out.
with hosts as (
    select
        booking_hosts.booking_id,
        count(*) as hosts,
        {{ dbt.listagg('coalesce(users.name, booking_hosts.user_id)', "', '", 'order by booking_hosts.user_id') }} as host_names
    from {{ ref('stg_booking_hosts') }} as booking_hosts
    left join {{ ref('stg_users') }} as users on users.user_id = booking_hosts.user_id
    group by booking_hosts.booking_id
)

select
    bookings.booking_id,
    bookings.subject,
    bookings.status,
    coalesce(bookings.status in ('requested', 'scheduled'), false) as is_open, -- Whether the meeting is requested or scheduled, and has not taken place.
    coalesce(bookings.status = 'completed', false) as is_completed, -- Whether the meeting took place.
    coalesce(bookings.status = 'canceled', false) as is_canceled, -- Whether the booking was canceled.
    coalesce(bookings.status = 'no_show', false) as is_no_show, -- Whether the customer did not come.
    coalesce(bookings.status = 'rescheduled', false) as is_rescheduled, -- Whether another booking took the place of this one.
    bookings.creation_time,
    bookings.starting_time,
    {{ dbt.dateadd('minute', 'bookings.duration_minutes', 'bookings.starting_time') }} as ending_time, -- When the meeting ends, in UTC.
    bookings.duration_minutes,
    bookings.customer_timezone,
    {{ dbt.datediff('bookings.creation_time', 'bookings.starting_time', 'second') }} / 3600.0 as lead_time_hours, -- Hours from the time the booking was made to the start of the meeting.
    bookings.last_updated_time,
    bookings.owner_id,
    owners.name as owner_name, -- Name of that user, null for one who has left the account.
    hosts.hosts, -- How many users host the meeting, null without the stream booking_hosts.
    hosts.host_names, -- Names of the users who host the meeting, null without the stream booking_hosts.
    case
        when bookings.booking_calendar_id is not null then 'booking_calendar'
        when bookings.booking_page_id is not null then 'booking_page'
    end as booked_on, -- Where the booking was made: booking_calendar, or booking_page for a classic page.
    coalesce(bookings.booking_calendar_id, bookings.booking_page_id) as booked_on_id, -- Id of that booking calendar or classic booking page.
    coalesce(booking_calendars.name, booking_pages.name) as booked_on_name, -- Name of that booking calendar or classic booking page, null where it is gone.
    bookings.master_page_id,
    master_pages.name as master_page_name,
    bookings.event_type_id,
    event_types.name as event_type_name,
    bookings.contact_id,
    coalesce(contacts.email, bookings.form_email) as customer_email, -- E-mail address of the contact; without one, of the booking form.
    coalesce(nullif(trim(coalesce(contacts.first_name, '') || ' ' || coalesce(contacts.last_name, '')), ''), bookings.form_name) as customer_name, -- Name of the contact; without one, of the booking form.
    coalesce(nullif(contacts.company, ''), bookings.form_company) as customer_company, -- Company of the contact; without one, of the booking form.
    contacts.country as customer_country,
    bookings.utm_source,
    bookings.utm_medium,
    bookings.utm_campaign,
    bookings.utm_term,
    bookings.utm_content,
    bookings.payment_amount,
    bookings.payment_currency,
    bookings.canceled_by,
    bookings.cancel_reason,
    bookings.conversation_id,
    coalesce(chains.first_booking_id, bookings.booking_id) as first_booking_id, -- Id of the booking that began the chain of reschedules; its own, if it follows no other.
    coalesce(chains.reschedules, 0) as reschedules, -- How many reschedules led from that first booking to this one.
    chains.first_booking_id is null as is_first_of_chain -- Whether it follows no other booking by a reschedule.
from {{ ref('stg_bookings') }} as bookings
left join {{ ref('stg_users') }} as owners on owners.user_id = bookings.owner_id
left join hosts on hosts.booking_id = bookings.booking_id
left join {{ ref('stg_booking_calendars') }} as booking_calendars on booking_calendars.booking_calendar_id = bookings.booking_calendar_id
left join {{ ref('stg_booking_pages') }} as booking_pages on booking_pages.booking_page_id = bookings.booking_page_id
left join {{ ref('stg_master_pages') }} as master_pages on master_pages.master_page_id = bookings.master_page_id
left join {{ ref('stg_event_types') }} as event_types on event_types.event_type_id = bookings.event_type_id
left join {{ ref('stg_contacts') }} as contacts on contacts.contact_id = bookings.contact_id
left join {{ ref('int_booking_chains') }} as chains on chains.booking_id = bookings.booking_id
