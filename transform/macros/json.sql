{#- Access to objects and lists, in the form in which each loader writes them:
    DuckDB: JSON. PostgreSQL: objects jsonb, lists arrays. Snowflake: VARIANT.
    BigQuery: JSON (dlt-export). -#}

{#- A text in an object; null where it is empty, since OnceHub writes no value both ways. -#}
{% macro json_text(object, field) -%}
    {{ adapter.dispatch('json_text')(object, field) }}
{%- endmacro %}
{% macro default__json_text(object, field) %}nullif({{ object }} ->> '{{ field }}', ''){% endmacro %}
{% macro snowflake__json_text(object, field) %}nullif({{ object }}:{{ field }}::varchar, ''){% endmacro %}
{% macro bigquery__json_text(object, field) %}nullif(json_value({{ object }}, '$.{{ field }}'), ''){% endmacro %}

{#- A whole number in an object. -#}
{% macro json_integer(object, field) -%}
    {{ adapter.dispatch('json_integer')(object, field) }}
{%- endmacro %}
{% macro default__json_integer(object, field) %}cast({{ object }} ->> '{{ field }}' as bigint){% endmacro %}
{% macro snowflake__json_integer(object, field) %}{{ object }}:{{ field }}::bigint{% endmacro %}
{% macro bigquery__json_integer(object, field) %}cast(json_value({{ object }}, '$.{{ field }}') as int64){% endmacro %}

{#- A list in an object, for each(). -#}
{% macro json_list(object, field) -%}
    {{ adapter.dispatch('json_list')(object, field) }}
{%- endmacro %}
{% macro default__json_list(object, field) %}({{ object }} -> '{{ field }}'){% endmacro %}
{% macro snowflake__json_list(object, field) %}{{ object }}:{{ field }}{% endmacro %}
{% macro bigquery__json_list(object, field) %}json_query({{ object }}, '$.{{ field }}'){% endmacro %}

{#- Join each item of a list: `from {{ stream('users') }} as users {{ each('users.teams', 'team') }}`. -#}
{% macro each(list, name) -%}
    {{ adapter.dispatch('each')(list, name) }}
{%- endmacro %}
{% macro default__each(list, name) -%}
    cross join json_each(case json_type({{ list }}) when 'ARRAY' then {{ list }} end) as {{ name }}
{%- endmacro %}
{% macro postgres__each(list, name) -%}
    cross join jsonb_array_elements(
        case jsonb_typeof(to_jsonb({{ list }})) when 'array' then to_jsonb({{ list }}) end
    ) with ordinality as {{ name }} (value, position)
{%- endmacro %}
{% macro snowflake__each(list, name) -%}
    , lateral flatten(input => {{ list }}) as {{ name }}
{%- endmacro %}
{% macro bigquery__each(list, name) -%}
    cross join unnest(json_query_array(case json_type({{ list }}) when 'array' then {{ list }} end))
    as {{ name }} with offset as {{ name }}_offset
{%- endmacro %}

{#- The place of such an item in its list, from 1. -#}
{% macro position(name) -%}
    {{ adapter.dispatch('position')(name) }}
{%- endmacro %}
{% macro default__position(name) %}cast({{ name }}.key as integer) + 1{% endmacro %}
{% macro postgres__position(name) %}cast({{ name }}.position as integer){% endmacro %}
{% macro snowflake__position(name) %}{{ name }}.index + 1{% endmacro %}
{% macro bigquery__position(name) %}{{ name }}_offset + 1{% endmacro %}

{#- Such an item that is an object. -#}
{% macro item(name) -%}
    {{ return(name if target.type == 'bigquery' else name ~ '.value') }}
{%- endmacro %}

{#- Such an item that is a text. -#}
{% macro item_text(name) -%}
    {{ adapter.dispatch('item_text')(name) }}
{%- endmacro %}
{% macro default__item_text(name) %}nullif({{ name }}.value ->> '$', ''){% endmacro %}
{% macro postgres__item_text(name) %}nullif({{ name }}.value #>> '{}', ''){% endmacro %}
{% macro snowflake__item_text(name) %}nullif({{ name }}.value::varchar, ''){% endmacro %}
{% macro bigquery__item_text(name) %}nullif(json_value({{ name }}), ''){% endmacro %}

{#- Join the name of each field of an object. -#}
{% macro each_field(object, name) -%}
    {{ adapter.dispatch('each_field')(object, name) }}
{%- endmacro %}
{% macro default__each_field(object, name) -%}
    cross join json_each({{ object }}) as {{ name }}
{%- endmacro %}
{% macro postgres__each_field(object, name) -%}
    cross join jsonb_each(case jsonb_typeof({{ object }}) when 'object' then {{ object }} end) as {{ name }}
{%- endmacro %}
{% macro snowflake__each_field(object, name) -%}
    , lateral flatten(input => {{ object }}) as {{ name }}
{%- endmacro %}
{% macro bigquery__each_field(object, name) -%}
    cross join unnest(json_keys({{ object }}, 1)) as {{ name }}
{%- endmacro %}
{% macro field_name(name) -%}
    {{ return(name if target.type == 'bigquery' else name ~ '.key') }}
{%- endmacro %}
