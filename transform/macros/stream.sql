{#- What to read a stream from: its table, or typed nulls for what was not loaded, so that the
    models work on an account that has only some of OnceHub's products, and on some columns. -#}
{% macro stream(name) -%}
    {%- set table = source('oncehub', name) -%}
    {%- if not execute or not var('look_for_streams') -%}
        {{ table }}
    {%- elif not is_loaded(name) -%}
        (select {{ typed_nulls(stream_columns(name).values()) }} limit 0)
    {%- else -%}
        {%- set loaded = adapter.get_columns_in_relation(table) | map(attribute='name') | map('lower') | list -%}
        {%- set missing = stream_columns(name).values() | rejectattr('name', 'in', loaded) | list -%}
        {%- if missing -%}
            (select *, {{ typed_nulls(missing) }} from {{ table }})
        {%- else -%}
            {{ table }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Whether a stream has a table. -#}
{% macro is_loaded(name) -%}
    {{ return(not var('look_for_streams') or (execute and load_relation(source('oncehub', name)) is not none)) }}
{%- endmacro %}

{#- The columns that sources.yml gives a stream, by name. -#}
{% macro stream_columns(name) -%}
    {{ return((graph.sources.values() | selectattr('name', 'equalto', name) | first).columns) }}
{%- endmacro %}

{% macro typed_nulls(columns) -%}
    {%- for column in columns %}
        cast(null as {{ column_type(column.data_type) }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro column_type(kind) -%}
    {{ return({
        'text': dbt.type_string(),
        'integer': dbt.type_int(),
        'number': dbt.type_float(),
        'boolean': dbt.type_boolean(),
        'timestamp': dbt.type_timestamp(),
        'object': adapter.dispatch('object_type')(),
        'list': adapter.dispatch('list_type')(),
    }[kind]) }}
{%- endmacro %}

{% macro default__object_type() %}{{ return('json') }}{% endmacro %}
{% macro postgres__object_type() %}{{ return('jsonb') }}{% endmacro %}
{% macro snowflake__object_type() %}{{ return('variant') }}{% endmacro %}

{% macro default__list_type() %}{{ return('json') }}{% endmacro %}
{% macro postgres__list_type() %}{{ return('jsonb[]') }}{% endmacro %}
{% macro snowflake__list_type() %}{{ return('variant') }}{% endmacro %}
