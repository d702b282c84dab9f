"""Writes cases.json: templates, and what jinja2 renders them to with the settings of transformers. The templates are made up."""
import datetime
import json

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("same"), [], [], body).set_lineno(line)

    def same(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda form: datetime.datetime(2024, 7, 26).strftime(form)
messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi there!"}]
templates = [
    "{% for x in [1,2,3] %}{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "a  {%- if true %} b {% endif -%}  c",
    "  {% if true %}\n x\n  {% endif %}\n y\n",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 }} {{ 1.5 + 1 }}",
    "{{ 'abc'[::-1] }} {{ [1,2,3,4][1:3] }} {{ [1,2,3,4][-2:] }} {{ 'abc'[-1] }}",
    "{{ {'a': 1, 'b': [true, none, 'x']} }}",
    "{{ {'a': 1, 'b': [true, none, 'x\"\\n']} | tojson }} {{ {'a': {'b': []}, 'c': [1, 2]} | tojson(indent=2) }}",
    "{% set ns = namespace(x=0) %}{% for i in range(5) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% macro f(a, b='z') %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, 2) }}{{ f(a=3, b=4) }}",
    "{% set x %}ab{{ 1 }}{% endset %}{{ x | upper }}",
    "{{ undefined_thing }}|{{ x is defined }}|{{ x | default('d') }}|{{ none | default('e', true) }}",
    "{{ [3,1,2] | sort | join('-') }} {{ ['b','A'] | sort }} {{ [1,2,1] | unique | list }}",
    "{{ [{'a':1},{'a':2}] | map(attribute='a') | list }} {{ [{'a':1},{'a':0}] | selectattr('a') | list }} {{ [{'r':'x'},{'r':'y'}] | rejectattr('r', 'equalto', 'x') | list }}",
    "{% for k, v in {'b':1,'a':2} | dictsort %}{{ k }}={{ v }};{% endfor %}{% for k, v in {'b':1,'a':2}.items() %}{{ k }}{{ v }}{% endfor %}",
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a.b.c'.rsplit('.', 1) }}",
    "{% for i in range(6) if i is odd %}{{ i }}{% else %}none{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}",
    "{{ 'x' ~ 1 ~ none ~ true }} {{ '%s and %d' % ('a', 3) }} {{ '{} {x}'.format(1, x=2) }}",
    "{# comment #}\na\n  {# c #}\nb",
    "{% raw %}{{ x }}{% endraw %} y",
    "{{ 'a' if false }}|{{ 'a' if true else 'b' }}|{{ 1 if 0 else 2 if 0 else 3 }}",
    "{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' in 'abc' }} {{ 'x' not in ['x'] }} {{ not 1 in [2] }}",
    "{{ 'hello world' | title }} {{ 'hELLO' | capitalize }} {{ 'a\\nb' | indent(2) }}|{{ 'a\\n\\nb' | indent(2, true) }}",
    "{{ (1, 2) }} {{ (1,) }} {{ [1.0, 1e20, 0.1] }}",
    "{%+ if true %} a{% endif +%}\n b",
    "{{ 'x' | trim }}\n{{ 'y' }}\n\n{% set a = 1 %}\n\n{{ a }}\n",
    "{{ \"it's\" }} {{ ['it\\'s', 'a\"b'] }} {{ 'tab\\t' | tojson }} {{ '\\u00e9' }}",
    "{% call(x) m(2) %}<{{ x }}>{% endcall %}",
    "{% macro m(n) %}{% for i in range(n) %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(x) m(2) %}<{{ x }}>{% endcall %}",
    "{% filter upper %}abc{{ 1 }}{% endfilter %}",
    "{% set a, b = 1, 2 %}{{ a + b }}{% for x, y in [[1,2],[3,4]] %}{{ x*y }} {% endfor %}",
    "{{ [1,2,3] | length }} {{ 'é' | length }} {{ {} | length }} {{ 5 | string | length }} {{ '5' | int + 1 }} {{ 3.7 | int }} {{ 2.567 | round(2) }}",
    "{{ ['a','b'] | first }}{{ ['a','b'] | last }}{{ 'abc' | reverse }}{{ [1,2] | sum }}{{ [1,5,2] | max }}",
    "{%- for m in messages -%}\n  {{- m.role }}: {{ m['content'] -}}\n  {{ '\\n' }}\n{%- endfor %}",
    "{{ loop_var }}{% for a in [1,2] %}{% for b in [1,2] %}{{ loop.index }}{{ loop.first }}{% endfor %}{{ loop.previtem }}|{{ loop.nextitem }}{% endfor %}",
    "{{ messages[0].content.startswith('He') }} {{ messages[5] is defined }} {{ messages[-1]['role'] }}",
    "a\r\nb\n\n",
    "{{ -3 | abs }} {{ (-3) | abs }} {{ 'a' 'b' }} {{ 10 % 3 }}",
    "{{ x[1] }}",
    "{{ 1 + 'a' }}",
    "{{ none.x }}|",
    "{{ nothing.x }}",
    "{% set x = 5 %}{% for i in [1] %}{% set x = 6 %}{% endfor %}{{ x }}{% if true %}{% set x = 7 %}{% endif %}{{ x }}",
    "{{ messages | map('first') | list if false else 3 }}{{ ['a ', ' b'] | map('trim') | join(',') }}",
    "  {{ 1 }}  \n  {%- set q = 1 -%}  \n\n z",
    "{% if true -%}\n   x\n  {%- elif y %}\n{% endif %}\n  end",
    "{{ 'a-b_c'.replace('-', '+').upper().strip('A') }}",
    "{{ [1, [2, 3]] | string }} {{ true and 'x' or 'y' }} {{ '' or 'z' }}",
    "{{- 1 }}   {% if true %}   {{ 2 }}{% endif %}   \n",
    "\n\n{% if true %}\n\nx{% endif %}\n\n\n",
    "{% generation %}x{{ 1 }}{% endgeneration %}",
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d, %A %B') }}",
    "{{ raise_exception('no') }}",
    "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}",
    "{{ {'b': 'é', 'a': 1} | tojson(sort_keys=true, ensure_ascii=true) }}",
    "{{ {'b': [1, 2]} | tojson(separators=(',', ':')) }}",
    "{{ 'ab' * 2 }} {{ [1] + [2] }} {{ 1 - -1 }}",
    "{{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abcabc'.count('b') }} {{ 'xxax'.lstrip('x') }} {{ 'ab'.endswith(('b', 'c')) }}",
    "{{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b', 'z') }} {{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }}",
    "{{ 'l1\\nl2'.splitlines() }} {{ 'Ab1'.isalnum() }} {{ '12'.isdigit() }} {{ ','.join(['a', 'b']) }}",
    "{% for a in 'abc' %}{{ loop.cycle('x', 'y') }}{{ loop.revindex }}{% if loop.changed(a == 'c') %}!{% endif %}{% endfor %}",
    "{% macro outer(x) %}{% if x > 0 %}{{ x }}{{ outer(x - 1) }}{% endif %}{% endmacro %}{{ outer(3) }}",
    "{{ [none, 1, 'a', 1.5, true, [], {}] | map('string') | list }}",
    "{% if 'a' is string and 1 is number and 1.5 is float and {} is mapping and [] is sequence and 4 is divisibleby 2 and 3 is not even %}ok{% endif %}",
    "{{ [3, 1, 2] | sort(reverse=true) }} {{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }} {{ [1, 2, 3, 4] | select('gt', 2) | list }} {{ [1, 2] | reject('odd') | list }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first }}",
    "{% set x = namespace(items=[]) %}{% for m in messages %}{% set x.items = x.items + [m.role] %}{% endfor %}{{ x.items | join('/') }}",
    "{{ 'a' is in ['a'] }} {{ 'a' is eq 'a' }} {{ 2 is ge 2 }} {{ messages is iterable }} {{ x is undefined }}",
    "{{ range(3) | list }} {{ range(1, 8, 3) | list }} {{ range(3, 0, -1) | list }}",
    "{% break %}",
    "{{ 1 / 0 }}",
    "{{ 'a' < 1 }}",
    "{% if %}x{% endif %}",
    "{{ x",
    "{% for %}",
    "{% endif %}",
    "{{ 'a' | nosuch }}",
    "{% if false %}{{ 'a' | nosuch }}{% endif %}ok",
    "{{ messages.append(1) }}",
    "{{ range(100001) | length }}",
    "{{ {'a': 1,} }} {{ [1,] }} {{ (1) }}",
    "{{ dict(a=1).a }} {{ {'a': {'b': 5}}.a.b }} {{ {'a': {'b': 5}}['a']['b'] }}",
    "{{ 1_000 }} {{ 1e3 }} {{ 0.5 }} {{ 3 // 2.0 }} {{ 2 ** -1 }}",
    "{{ '<b>' | e }} {{ '<b>' | safe }} {{ 'a b' | wordcount }} {{ 5 | float }} {{ 'x' | float(1.5) }} {{ 'x' | int(3) }}",
    "{{ none | selectattr('a') | list | length }}",
]
cases = []
for template in templates:
    case = {"template": template}
    try:
        case["want"] = env.from_string(template).render(messages=messages)
    except Exception as e:
        case["error"] = type(e).__name__
    cases.append(case)
with open("cases.json", "w") as f:
    json.dump({"messages": messages, "cases": cases}, f, ensure_ascii=False, indent=1)
    f.write("\n")
