-- One row for each contact, with a summary of the contact's bookings.
with summaries as (
    select
        contact_id,
        count(*) as bookings,
        sum(case when is_completed then 1 else 0 end) as completed_bookings,
        sum(case when is_canceled then 1 else 0 end) as canceled_bookings,
        sum(case when is_no_show then 1 else 0 end) as no_show_bookings,
        sum(case when is_open then 1 else 0 end) as open_bookings,
        sum(case when is_replaced then 0 else 1 end) as meetings,
        sum(case when is_completed and not is_replaced then 1 else 0 end) as held_meetings,
        sum(case when is_canceled and not is_replaced then 1 else 0 end) as canceled_meetings,
        min(case when not (is_replaced or is_canceled or is_no_show) then starting_time end) as first_engaged_at,
        min(creation_time) as first_booked_at,
        max(creation_time) as last_booked_at,
        max(case when is_completed then starting_time end) as last_met_at
    from {{ ref('bookings') }}
    group by contact_id
)

select
    contacts.contact_id,
    contacts.email,
    contacts.first_name,
    contacts.last_name,
    contacts.company,
    contacts.job_title,
    contacts.country,
    contacts.timezone,
    contacts.status,
    contacts.owner_id,
    owners.name as owner_name, -- Name of that user, null for one who has left the account.
    contacts.has_consent,
    contacts.creation_time,
    contacts.last_interacted_time,
    coalesce(summaries.bookings, 0) as bookings, -- How many bookings the contact has made, whatever became of them.
    coalesce(summaries.completed_bookings, 0) as completed_bookings, -- How many of them took place.
    coalesce(summaries.canceled_bookings, 0) as canceled_bookings, -- How many of them were canceled, those whose place another took included.
    coalesce(summaries.no_show_bookings, 0) as no_show_bookings, -- How many of them the contact did not come to.
    coalesce(summaries.open_bookings, 0) as open_bookings, -- How many of them are requested, scheduled or rescheduled.
    summaries.first_booked_at, -- When the contact made the first booking, in UTC.
    summaries.last_booked_at, -- When the contact made the last booking, in UTC.
    summaries.last_met_at, -- When the last meeting that took place began, in UTC.
    coalesce(summaries.meetings, 0) as meetings, -- How many meetings the contact has booked: bookings whose place no other took.
    coalesce(summaries.held_meetings, 0) as held_meetings, -- How many of these meetings took place.
    coalesce(summaries.canceled_meetings, 0) as canceled_meetings, -- How many of these meetings were canceled for good.
    summaries.first_engaged_at is not null as is_engaged, -- Whether one of these meetings was neither canceled nor a no-show.
    summaries.first_engaged_at, -- When the first such meeting starts, in UTC.
    {{ dbt.datediff('contacts.creation_time', 'summaries.first_engaged_at', 'second') }} / 3600.0 as hours_to_engagement -- Hours from the time the contact was captured to that start.
from {{ ref('stg_contacts') }} as contacts
left join {{ ref('stg_users') }} as owners on owners.user_id = contacts.owner_id
left join summaries on summaries.contact_id = contacts.contact_id
