{#- The streams that account_health looks at: all but those that hold single objects again. -#}
{% macro streams() -%}
    {{ return([
        'bookings', 'contacts', 'sms_notifications',
        'booking_calendars', 'booking_calendar_time_slots',
        'booking_pages', 'booking_page_links', 'master_pages', 'event_types',
        'users', 'user_scheduling_availability', 'teams',
        'webhooks', 'webhook_events', 'conversations', 'booking_hosts',
    ]) }}
{%- endmacro %}

{#- A row of account_health. -#}
{% macro stream_health(name) -%}
    {%- set columns = stream_columns(name) if execute else {} -%}
    {%- set time = 'last_updated_time' if 'last_updated_time' in columns else 'creation_time' if 'creation_time' in columns -%}
    select
        '{{ name }}' as stream,
        {{ 'true' if is_loaded(name) else 'false' }} as is_loaded,
        count(*) - count(_sdc_deleted_at) as record_count,
        count(_sdc_deleted_at) as deleted_count,
        max(_sdc_extracted_at) as last_loaded_at,
        {{ 'max(' ~ time ~ ')' if time else 'cast(null as ' ~ dbt.type_timestamp() ~ ')' }} as newest_record_at
    from {{ stream(name) }} as rows_of_stream
{%- endmacro %}
