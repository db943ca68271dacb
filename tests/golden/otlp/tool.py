"""OpenTelemetry's own classes for profiles (the Python package opentelemetry-proto), as a writer and as a reader.

tool.py write FILE: writes a made-up profile that uses what the schema allows and our encoder does not need.
tool.py read FILE: prints what is in a file, as JSON: totals by kind, and cumulative values of each by function.
"""

import collections
import json
import sys

from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

BUILD_ID = "process.executable.build_id.gnu"


class Strings:
    def __init__(self, table):
        self.table = table
        self.table.append("")
        self.known = {"": 0}

    def __call__(self, text):
        if text not in self.known:
            self.known[text] = len(self.table)
            self.table.append(text)
        return self.known[text]


def write(path):
    data = otlp.ProfilesData()
    tables = data.dictionary
    string = Strings(tables.string_table)
    tables.mapping_table.add()
    tables.location_table.add()
    tables.function_table.add()
    tables.link_table.add()
    tables.attribute_table.add()
    tables.stack_table.add()

    def attribute(key, unit="", **value):
        it = tables.attribute_table.add(key_strindex=string(key), unit_strindex=string(unit))
        for field, content in value.items():
            setattr(it.value, field, content)
        return len(tables.attribute_table) - 1

    # One build id in the attribute itself, one in the table of strings.
    tables.mapping_table.add(
        memory_start=0x400000,
        memory_limit=0x500000,
        file_offset=0x1000,
        filename_strindex=string("/opt/shop/server"),
        attribute_indices=[attribute(BUILD_ID, string_value="0123456789abcdef")],
    )
    tables.mapping_table.add(
        memory_start=0x7F0000000000,
        memory_limit=0x7F0000100000,
        filename_strindex=string("/usr/lib/libpay.so.2"),
        attribute_indices=[attribute(BUILD_ID, string_value_strindex=string("fedcba9876543210"))],
    )

    def function(name, file, line):
        tables.function_table.add(
            name_strindex=string(name),
            system_name_strindex=string("_Z" + name),
            filename_strindex=string(file),
            start_line=line,
        )
        return len(tables.function_table) - 1

    def location(mapping, address, *lines):
        it = tables.location_table.add(mapping_index=mapping, address=address)
        for function_index, line, column in lines:
            it.lines.add(function_index=function_index, line=line, column=column)
        return len(tables.location_table) - 1

    push = function("cart::push", "src/cart.rs", 10)
    add = function("cart::add", "src/cart.rs", 20)
    pay = function("pay::charge", "src/pay.c", 5)
    main = function("main", "src/main.rs", 1)
    # `push` was inlined into `add`.
    leaf = location(1, 0x401010, (push, 12, 9), (add, 23, 5))
    charge = location(2, 0x7F0000000020, (pay, 7, 0))
    root = location(1, 0x402020, (main, 4, 0))
    bare = location(2, 0x7F0000000404)

    def stack(*locations):
        tables.stack_table.add(location_indices=locations)
        return len(tables.stack_table) - 1

    carts, charges, unnamed = stack(leaf, root), stack(charge, root), stack(bare, root)
    size = attribute("bytes", "bytes", int_value=48)
    thread = attribute("thread", string_value="worker")
    named = attribute("thread", string_value_strindex=string("collector"))

    scope = data.resource_profiles.add().scope_profiles.add()
    scope.scope.name = "shop"

    def profile(kind, unit):
        it = scope.profiles.add(time_unix_nano=1_700_000_000_000_000_000, duration_nano=5_000_000_000)
        it.sample_type.type_strindex, it.sample_type.unit_strindex = string(kind), string(unit)
        it.period_type.type_strindex, it.period_type.unit_strindex = string("space"), string("bytes")
        it.period = 524288
        it.profile_id = bytes(range(16))
        return it

    blocks = profile("inuse_objects", "count")
    # Every moment counts as one; a sample without a stack; a sum in one number.
    blocks.samples.add(stack_index=carts, attribute_indices=[size, thread], timestamps_unix_nano=[1, 2, 3])
    blocks.samples.add(stack_index=charges, values=[7])
    blocks.samples.add(values=[2])
    space = profile("inuse_space", "bytes")
    space.samples.add(stack_index=carts, attribute_indices=[size, thread], values=[48, 48, 48], timestamps_unix_nano=[1, 2, 3])
    space.samples.add(stack_index=charges, values=[7000])
    space.samples.add(stack_index=unnamed, attribute_indices=[named], values=[300])
    space.samples.add(values=[20])
    with open(path, "wb") as out:
        out.write(data.SerializeToString(deterministic=True))


def read(path):
    message = ExportProfilesServiceRequest()
    with open(path, "rb") as file:
        message.ParseFromString(file.read())
    tables = message.dictionary
    answer = {}
    for resource in message.resource_profiles:
        for scope in resource.scope_profiles:
            for profile in scope.profiles:
                kind = tables.string_table[profile.sample_type.type_strindex]
                it = answer.setdefault(kind, {"total": 0, "functions": collections.Counter()})
                for sample in profile.samples:
                    value = sum(sample.values) if sample.values else len(sample.timestamps_unix_nano)
                    it["total"] += value
                    names = set()
                    for index in tables.stack_table[sample.stack_index].location_indices:
                        for line in tables.location_table[index].lines:
                            function = tables.function_table[line.function_index]
                            names.add(tables.string_table[function.name_strindex])
                    for name in names:
                        it["functions"][name] += value
    json.dump(answer, sys.stdout, indent=1, sort_keys=True)
    print()


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
