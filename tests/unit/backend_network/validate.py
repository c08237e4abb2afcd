#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""validate.py [SCHEMA MANIFEST]...: reads the manifests as YAML and holds each against its schema, then what no schema says:
exceptions lie strictly within their block, a range's end is not before its start. Exit status 1 with every mistake, 77 where a module is missing."""
import functools
import ipaddress
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(error)
    sys.exit(77)


def blocks(value, path="$"):
    if isinstance(value, dict):
        if "cidr" in value:
            yield path, value["cidr"], value.get("except", [])
        elif "nets" in value:
            for net in value["nets"]:
                yield path, net, value.get("notNets", [])
        if "endPort" in value and int(value["endPort"]) < int(value["port"]):
            raise SystemExit(f"{path}: endPort before port")
        for key, item in value.items():
            yield from blocks(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from blocks(item, f"{path}[{index}]")


@functools.cache
def validator(schema):
    with open(schema, encoding="utf-8") as file:
        return jsonschema.Draft7Validator(json.load(file))


def main():
    wrong = 0
    for schema, name in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        with open(name, encoding="utf-8") as file:
            manifest = yaml.safe_load(file)
        for error in validator(schema).iter_errors(manifest):
            print(f"{name}: {list(error.absolute_path)}: {error.message}")
            wrong += 1
        for path, cidr, excepted in blocks(manifest):
            block = ipaddress.ip_network(cidr)
            for one in map(ipaddress.ip_network, excepted):
                if one.version != block.version or one == block or not one.subnet_of(block):
                    print(f"{name}: {path}: {one} is not strictly within {block}")
                    wrong += 1
    sys.exit(1 if wrong else 0)


main()
