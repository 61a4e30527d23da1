-- One row for each booking, with all that is usually asked of it; those that were deleted or are in the trash are left out.
with hosts as (
    select
        booking_hosts.booking_id,
        count(*) as hosts,
        {{ dbt.listagg('coalesce(users.name, booking_hosts.user_id)', "', '", 'order by booking_hosts.user_id') }} as host_names
    from {{ ref('stg_booking_hosts') }} as booking_hosts
    left join {{ ref('stg_users') }} as users on users.user_id = booking_hosts.user_id
    group by booking_hosts.booking_id
),

replaced as (
    select distinct rescheduled_booking_id as booking_id
    from {{ stream('bookings') }} as linked
    where rescheduled_booking_id != id
),

sessions as (
    select
        stg_bookings.booking_id,
        min(stg_bookings.booking_id) over (
            partition by coalesce(stg_bookings.booking_calendar_id, stg_bookings.booking_page_id), stg_bookings.starting_time, stg_bookings.owner_id
        ) as session_id,
        count(*) over (
            partition by coalesce(stg_bookings.booking_calendar_id, stg_bookings.booking_page_id), stg_bookings.starting_time, stg_bookings.owner_id
        ) as seats
    from {{ ref('stg_bookings') }} as stg_bookings
    left join replaced on replaced.booking_id = stg_bookings.booking_id
    where coalesce(stg_bookings.status, '') != 'canceled'
        and replaced.booking_id is null
        and coalesce(stg_bookings.booking_calendar_id, stg_bookings.booking_page_id) is not null
        and stg_bookings.starting_time is not null
        and stg_bookings.owner_id is not null
)

select
    bookings.booking_id,
    bookings.subject,
    bookings.status,
    coalesce(bookings.status in ('requested', 'scheduled', 'rescheduled'), false) as is_open, -- Whether the meeting is requested, scheduled or rescheduled: it lies ahead, or OnceHub has not closed it yet.
    coalesce(bookings.status = 'completed', false) as is_completed, -- Whether the meeting took place.
    coalesce(bookings.status = 'canceled', false) as is_canceled, -- Whether the booking was canceled, for good or because another took its place (is_replaced).
    coalesce(bookings.status = 'no_show', false) as is_no_show, -- Whether the customer did not come.
    coalesce(bookings.status = 'rescheduled', false) as is_rescheduled, -- Whether the meeting was moved and is still ahead, at its new time; the status ends with the meeting, was_moved stays.
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
    coalesce(chains.reschedules, 0) = 0 as is_first_of_chain, -- Whether it follows no other booking by a reschedule.
    replaced.booking_id is not null as is_replaced, -- Whether another booking took the place of this one, and names it as rescheduled_booking_id; OnceHub's reports leave it out.
    case
        when bookings.rescheduled_booking_id is not null or bookings.status = 'rescheduled' then true
        when coalesce(bookings.status, '') = 'canceled' then false
        else coalesce(bookings.cancel_reason, bookings.canceled_by, bookings.canceled_by_user_id) is not null
    end as was_moved, -- Whether the meeting was moved to where it stands now: it took another booking's place, or kept its id.
    coalesce(chains.chain_status, bookings.status) as chain_status, -- Status of the last booking of the chain: what became of the meeting.
    case when chains.booking_id is null then bookings.payment_amount else chains.chain_payment_amount end as chain_payment_amount, -- Amount that was paid for the chain, in the smallest unit of the currency: a payment stays on the first, canceled booking.
    case when chains.booking_id is null then bookings.payment_currency else chains.chain_payment_currency end as chain_payment_currency, -- Currency of that amount.
    coalesce(sessions.session_id, bookings.booking_id) as session_id, -- One id for all bookings of a group session (same calendar or page, start and owner, not canceled), else its own.
    sessions.seats, -- How many bookings that session has, null for a booking that was canceled.
    {{ local_time('bookings.starting_time', known_zone('bookings.customer_timezone')) }} as customer_starting_time, -- When the meeting starts, by the clocks of the customer's time zone.
    {{ local_time('bookings.starting_time', known_zone('owners.timezone')) }} as owner_starting_time -- When the meeting starts, by the clocks of the owner's time zone.
from {{ ref('stg_bookings') }} as bookings
left join {{ ref('stg_users') }} as owners on owners.user_id = bookings.owner_id
left join hosts on hosts.booking_id = bookings.booking_id
left join {{ ref('stg_booking_calendars') }} as booking_calendars on booking_calendars.booking_calendar_id = bookings.booking_calendar_id
left join {{ ref('stg_booking_pages') }} as booking_pages on booking_pages.booking_page_id = bookings.booking_page_id
left join {{ ref('stg_master_pages') }} as master_pages on master_pages.master_page_id = bookings.master_page_id
left join {{ ref('stg_event_types') }} as event_types on event_types.event_type_id = bookings.event_type_id
left join {{ ref('stg_contacts') }} as contacts on contacts.contact_id = bookings.contact_id
left join {{ ref('int_booking_chains') }} as chains on chains.booking_id = bookings.booking_id
left join replaced on replaced.booking_id = bookings.booking_id
left join sessions on sessions.booking_id = bookings.booking_id
