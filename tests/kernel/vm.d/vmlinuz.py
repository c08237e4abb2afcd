# SPDX-License-Identifier: Apache-2.0
"""From a bzImage to the ELF kernel within, and to that one's BTF (the types that CO-RE relocates against).

Written to the x86 boot protocol (Documentation/arch/x86/boot.rst): the setup header says where the compressed ELF image
lies, so nothing is searched for. The BTF is raw, as /sys/kernel/btf/vmlinux gives it.
"""

import gzip
import lzma
import struct
import subprocess


def extract(image):
    """The ELF kernel in the bytes of a bzImage. Raises ValueError, saying what was not as expected."""
    return decompress(compressed_payload(image))


def compressed_payload(image):
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("not a bzImage: no HdrS at 0x202")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    # The last four bytes are the uncompressed size, put there by the kernel's build, not by the compressor
    # (except for gzip, whose own trailer they are).
    payload = image[start : start + length]
    return payload if payload[:2] == b"\x1f\x8b" else payload[:-4]


def decompress(payload):
    if payload[:2] == b"\x1f\x8b":
        return gzip.decompress(payload)
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        done = subprocess.run(["zstd", "-dcq"], input=payload, stdout=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return done.stdout
        raise ValueError("zstd could not decompress the kernel image")
    raise ValueError(f"kernel image compressed in an unknown way, it starts with {payload[:6].hex()}")


def elf_section(elf, wanted):
    """The bytes of a section of an ELF64 file. Raises ValueError where there is none of that name."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise ValueError("the kernel image is not a little-endian ELF64 file")
    (headers,) = struct.unpack_from("<Q", elf, 0x28)
    entry_size, count, names_index = struct.unpack_from("<HHH", elf, 0x3A)

    def section(index):
        name, _type, _flags, _addr, offset, size = struct.unpack_from("<IIQQQQ", elf, headers + index * entry_size)
        return name, elf[offset : offset + size]

    names = section(names_index)[1]
    for index in range(count):
        name, content = section(index)
        if names[name : names.index(b"\0", name)].decode() == wanted:
            return content
    raise ValueError(f"the kernel image has no section {wanted}")
