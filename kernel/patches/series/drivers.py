# SPDX-License-Identifier: GPL-2.0-only
"""The second and the third patch: the drivers, as kernel/ has them, for one version of Linux.

What they do for other versions (compat.h) and for being built outside of the tree is resolved here:
every use of compat.h is known by its text, and one that is not known ends the program.
"""

import re

from .tree import SeriesError, replace

UAPI = ("vdmabuf.h", "virtio_vdmabuf.h")
PROTOCOL = "Documentation/userspace-api/vdmabuf.rst"
FRAME = "include/linux/vdmabuf_frame.h"


def _reset_ops(version):
    if version < (6, 14):
        return ""
    return "\t.reset_prepare\t= vdmabuf_freeze,\n\t.reset_done\t= vdmabuf_restore,\n"


def _name_space(version):
    return 'MODULE_IMPORT_NS("DMA_BUF");\n' if version >= (6, 13) else "MODULE_IMPORT_NS(DMA_BUF);\n"


# What compat.h has: in which files it is used, as which text, and what that is in the tree
USES = (
    ("COMPAT_MODULE_IMPORT_NS_DMA_BUF", ("vhost_vdmabuf_main.c", "virtio_vdmabuf_main.c"),
     "COMPAT_MODULE_IMPORT_NS_DMA_BUF;\n", _name_space),
    ("COMPAT_VIRTIO_RESET_OPS", ("virtio_vdmabuf_main.c",),
     "\tCOMPAT_VIRTIO_RESET_OPS(vdmabuf_freeze, vdmabuf_restore)\n", _reset_ops),
    ("compat_vhost_work_queue", ("vhost_vdmabuf_main.c",),
     "compat_vhost_work_queue(", "vhost_vq_work_queue("),
    ("compat_memfd_pin_folios", ("vhost_vdmabuf_pages.c",),
     "ret = compat_memfd_pin_folios(file, start, start + ((loff_t)nr << PAGE_SHIFT) - 1,\n"
     "\t\t\t\t      walk->folios, BATCH, &offset);\n",
     "ret = memfd_pin_folios(file, start, start + ((loff_t)nr << PAGE_SHIFT) - 1,\n"
     "\t\t\t       walk->folios, BATCH, &offset);\n"),
    ("compat_pin_user_pages_remote", ("vhost_vdmabuf_pages.c",),
     "ret = compat_pin_user_pages_remote(mm, hva, min(nr, BATCH - done),\n"
     "\t\t\t\t\t\t   FOLL_WRITE | FOLL_LONGTERM, walk->batch);\n",
     "ret = pin_user_pages_remote(mm, hva, min(nr, BATCH - done),\n"
     "\t\t\t\t\t    FOLL_WRITE | FOLL_LONGTERM, walk->batch, NULL);\n"),
    ("compat_find_two_vqs", ("virtio_vdmabuf_queue.c",),
     "\tint err;\n\n\terr = compat_find_two_vqs(vdev, vqs, vdmabuf_queue_callback, \"control\", "
     "\"event\");\n",
     "\tstruct virtqueue_info info[VIRTIO_VDMABUF_VQ_NUM] = {\n"
     "\t\t{ \"control\", vdmabuf_queue_callback },\n"
     "\t\t{ \"event\", vdmabuf_queue_callback },\n"
     "\t};\n"
     "\tint err;\n\n\terr = virtio_find_vqs(vdev, ARRAY_SIZE(info), vqs, info, NULL);\n"),
)
# Functions that a new enough kernel has by these names
NATIVE = ("vm_flags_set", "vm_flags_clear")
# The oldest version for which that is all
OLDEST = (6, 12)


def check_compat(text):
    """Whether USES and NATIVE are all that compat.h has."""
    found = set(re.findall(r"\b(?:compat|COMPAT)_\w+(?=\()|\bCOMPAT_\w+", text))
    found |= set(re.findall(r"^static inline \w+ (\w+)\(", text, re.M))
    known = {use[0] for use in USES} | set(NATIVE)
    if found != known:
        raise SeriesError("compat.h and kernel/patches differ in: " +
                          ", ".join(sorted(found ^ known)))


def resolve(name, text, tree):
    """A file of kernel/ as it is in that tree."""
    version = tree.version
    for _, files, old, new in USES:
        if name in files:
            text = replace(text, old, new(version) if callable(new) else new, name)
    # Each driver has one header, which is where compat.h comes in
    if name in ("vhost_vdmabuf.h", "virtio_vdmabuf_drv.h"):
        text = replace(text, '#include "compat.h"\n', "", name)
        text = text.replace("\n\n\n", "\n\n")
    if '"vdmabuf_frame.h"' in text:
        text = replace(text, '#include "vdmabuf_frame.h"\n', "", name)
        first = re.search(r"^#include <linux/(?!compat)[w-z]|^\n(?=#include \")", text, re.M)
        text = (text[:first.start()] + "#include <linux/vdmabuf_frame.h>\n" + text[first.start():])
    text = text.replace("docs/protocol.md", PROTOCOL)
    # 7.0: allocators that are given an object, not its size
    if tree.has("include/linux/slab.h", "#define kzalloc_obj("):
        text = re.sub(r"\b(kv?[mz]alloc)\(sizeof\(([^()]+)\), ", r"\1_obj(\2, ", text)
    left = re.search(r"\bcompat_(?!ioctl\b|ptr_ioctl\b)\w+|COMPAT_\w+|compat\.h\"|LINUX_VERSION_CODE"
                     r"|docs/|kernel/patches", text)
    if left:
        raise SeriesError(f"{name}: {left[0]} is nothing for the kernel's own tree")
    return text


def _add(tree, material, name, path):
    tree.add(path, resolve(name, material.kernel(name), tree))


def _objects(material, module):
    """The objects of a module as kernel/Kbuild has them, in the form of the tree's Makefiles."""
    kbuild = material.kernel("Kbuild")
    found = re.search(rf"^{module}-y := \\\n((?:\t\w+\.o(?: \\)?\n)+)", kbuild, re.M)
    if not found:
        raise SeriesError(f"Kbuild does not say what {module} consists of")
    return f"{module}-y := \\\n{found[1]}"


def _sources(material, module):
    names = [name for name in material.kernel_names() if name.startswith(f"{module}_")
             or name == f"{module}.h"]
    if len(names) < 4:
        raise SeriesError(f"kernel/ has only {len(names)} files of {module}")
    return names


def virtio(tree, material, author):
    """The guest's driver, and the headers that programs see."""
    for name in UAPI:
        _add(tree, material, f"include/uapi/linux/{name}", f"include/uapi/linux/{name}")
    _add(tree, material, "vdmabuf_frame.h", FRAME)
    for name in _sources(material, "virtio_vdmabuf"):
        _add(tree, material, name, f"drivers/virtio/{name}")
    tree.before("drivers/virtio/Kconfig", "config VIRTIO_DEBUG\n",
                material.template("Kconfig-virtio"))
    tree.after("drivers/virtio/Makefile", "obj-$(CONFIG_VIRTIO_DEBUG) += virtio_debug.o\n",
               "obj-$(CONFIG_VIRTIO_VDMABUF) += virtio_vdmabuf.o\n" +
               _objects(material, "virtio_vdmabuf"))
    tree.before("MAINTAINERS", "VIRTIO DRIVERS FOR S390\n",
                material.template("MAINTAINERS-virtio", author=author))


def vhost(tree, material, _author):
    """The host's back end, and what is documented."""
    for name in _sources(material, "vhost_vdmabuf"):
        _add(tree, material, name, f"drivers/vhost/{name}")
    tree.before("drivers/vhost/Kconfig", "config VHOST_CROSS_ENDIAN_LEGACY\n",
                material.template("Kconfig-vhost"))
    conditional = "vhost_vdmabuf-$(CONFIG_KVM_NOTIFIER) += vhost_vdmabuf_vm.o\n"
    replace(material.kernel("Kbuild"), conditional, conditional, "Kbuild")
    tree.before("drivers/vhost/Makefile", "obj-$(CONFIG_VHOST_RING) += vringh.o\n",
                "obj-$(CONFIG_VHOST_VDMABUF) += vhost_vdmabuf.o\n" +
                _objects(material, "vhost_vdmabuf") + conditional + "\n")
    tree.add(PROTOCOL, material.protocol())
    tree.after("Documentation/userspace-api/index.rst", "   isapnp\n", "   vdmabuf\n")
    tree.before("Documentation/userspace-api/ioctl/ioctl-number.rst",
                "0xC0  00-0F  linux/usb/iowarrior.h", material.template("ioctl-number"))
    tree.change("MAINTAINERS", material.template("MAINTAINERS-files-before"),
                material.template("MAINTAINERS-files-after"))
