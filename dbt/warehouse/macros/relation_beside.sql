{#- A table that a materialization keeps beside its model, as `model__what`. A unit test is parsed before
    it has a relation. -#}
{% macro relation_beside(what) -%}
    {{ return(this and this.incorporate(path={'identifier': this.identifier ~ '__' ~ what}, type='table')) }}
{%- endmacro %}


{#- One of this run alone. -#}
{% macro relation_of_this_run(what) -%}
    {{ return(relation_beside(what ~ '_' ~ invocation_id.replace('-', '')[:12])) }}
{%- endmacro %}
