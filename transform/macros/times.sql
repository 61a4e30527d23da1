{#- A time zone, null where the database does not know its name. -#}
{% macro known_zone(zone) -%}
    {{ adapter.dispatch('known_zone')(zone) }}
{%- endmacro %}
{% macro default__known_zone(zone) %}case when {{ zone }} in (select name from pg_timezone_names()) then {{ zone }} end{% endmacro %}
{% macro postgres__known_zone(zone) %}case when {{ zone }} in (select name from pg_timezone_names) then {{ zone }} end{% endmacro %}
{% macro snowflake__known_zone(zone) %}case when {{ zone }} in ('{{ modules.pytz.all_timezones | join("', '") }}') then {{ zone }} end{% endmacro %}
{% macro bigquery__known_zone(zone) %}{{ zone }}{% endmacro %}

{#- What the clocks of a known zone show at a time in UTC. -#}
{% macro local_time(time, zone) -%}
    {{ adapter.dispatch('local_time')(time, zone) }}
{%- endmacro %}
{% macro default__local_time(time, zone) %}{{ time }} at time zone 'UTC' at time zone {{ zone }}{% endmacro %}
{% macro snowflake__local_time(time, zone) %}convert_timezone('UTC', {{ zone }}, {{ time }}){% endmacro %}
{% macro bigquery__local_time(time, zone) %}safe.datetime(timestamp({{ time }}), {{ zone }}){% endmacro %}

{#- The day of the week, 1 for Monday. -#}
{% macro weekday(time) -%}
    {{ adapter.dispatch('weekday')(time) }}
{%- endmacro %}
{% macro default__weekday(time) %}extract(isodow from {{ time }}){% endmacro %}
{% macro snowflake__weekday(time) %}dayofweekiso({{ time }}){% endmacro %}
{% macro bigquery__weekday(time) %}mod(extract(dayofweek from {{ time }}) + 5, 7) + 1{% endmacro %}
