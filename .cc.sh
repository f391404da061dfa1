cd /src/virt-viewer-plugin
F=$(pkg-config --cflags gtk+-3.0 libvirt-gobject-1.0 libvirt-glib-1.0 libvirt libxml-2.0 gmodule-2.0)
for cc in gcc clang; do
for f in "$@"; do $cc -std=gnu11 -fsyntax-only -O1 -Wall -Wextra -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wstrict-prototypes -Wvla -Werror -D_GNU_SOURCE -DGLIB_VERSION_MIN_REQUIRED=GLIB_VERSION_2_74 -DGLIB_VERSION_MAX_ALLOWED=GLIB_VERSION_2_74 -DVIEWER_PLUGIN_PATH='"x"' $F -I. -I../libvdmabuf -I../kernel/include/uapi $f || echo BAD $cc $f; done; done
