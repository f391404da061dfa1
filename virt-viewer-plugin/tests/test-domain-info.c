/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-info.h"

#define DOMAIN(name, metadata, devices)                                                            \
    "<domain type='kvm' id='3'><name>" name "</name><metadata>" metadata                           \
    "</metadata><devices>" devices "</devices></domain>"
#define VDMABUF(devices) "<x:vdmabuf xmlns:x='urn:vdmabuf:domain:1'>" devices "</x:vdmabuf>"

static ViewerDomainInfo *
parse(const char *xml)
{
    g_autoptr(GError) error = NULL;
    ViewerDomainInfo *info = viewer_domain_info_parse(xml, "/run/vdmabuf", &error);

    g_assert_no_error(error);
    g_assert_nonnull(info);
    return info;
}

static void
test_devices(void)
{
    g_autoptr(ViewerDomainInfo) info =
        parse(DOMAIN("desk",
                     "<other xmlns='urn:other'><device alias='no'/></other>" VDMABUF(
                         "<x:device alias='vdmabuf0'><x:label>  Left\n screen </x:label>"
                         "<x:consumers write='no'><x:group name='video'/></x:consumers></x:device>"
                         "<x:device alias='ua-right' model='vhost-user'/>"),
                     ""));
    const ViewerDevice *left = g_ptr_array_index(info->devices, 0);
    const ViewerDevice *right = g_ptr_array_index(info->devices, 1);
    g_autofree char *first = viewer_device_get_title(left, 0);
    g_autofree char *only = viewer_device_get_title(right, -1);

    g_assert_cmpstr(info->name, ==, "desk");
    g_assert_cmpuint(info->devices->len, ==, 2);
    g_assert_cmpstr(left->alias, ==, "vdmabuf0");
    g_assert_cmpstr(left->label, ==, "Left screen");
    g_assert_cmpstr(left->path, ==, "/run/vdmabuf/desk/vdmabuf0.sock");
    g_assert_null(right->label);
    g_assert_cmpstr(right->path, ==, "/run/vdmabuf/desk/ua-right.sock");
    g_assert_cmpstr(first, ==, "Left screen, output 1");
    g_assert_cmpstr(only, ==, "ua-right");
}

/* Names come from another program, and become paths. */
static void
test_paths(void)
{
    g_autoptr(ViewerDomainInfo) devices =
        parse(DOMAIN("desk",
                     VDMABUF("<x:device alias='../other/vdmabuf0'/><x:device alias='..'/>"
                             "<x:device alias=''/><x:device/>"),
                     ""));
    g_autoptr(ViewerDomainInfo) domain =
        parse(DOMAIN("../other", VDMABUF("<x:device alias='vdmabuf0'/>"), ""));

    g_assert_cmpuint(devices->devices->len, ==, 0);
    g_assert_cmpuint(domain->devices->len, ==, 0);
}

static void
check_displays(const char *devices, const char *graphics, guint displays, gboolean video)
{
    g_autofree char *xml =
        g_strdup_printf("<domain><name>n</name><devices>%s</devices></domain>", devices);
    g_autoptr(ViewerDomainInfo) info = parse(xml);

    g_assert_cmpstr(info->graphics, ==, graphics);
    g_assert_cmpuint(info->session_displays, ==, displays);
    g_assert_cmpint(info->has_video, ==, video);
    g_assert_cmpuint(info->devices->len, ==, 0);
}

static void
test_displays(void)
{
    check_displays("", NULL, 0, FALSE);
    check_displays("<graphics type='vnc'/><video><model type='virtio' heads='3'/></video>", "vnc",
                   1, TRUE);
    check_displays("<graphics type='vnc'/><video><model type='none'/></video>", "vnc", 1, FALSE);
    check_displays("<graphics type='spice'/><graphics type='vnc'/>"
                   "<video><model type='qxl' heads='2'/></video>"
                   "<video><model type='qxl'/></video>",
                   "spice", 3, TRUE);
    check_displays("<graphics type='spice'/><video><model type='none'/></video>", "spice", 0,
                   FALSE);
    check_displays("<graphics type='spice'/><video><model type='qxl' heads='-7'/></video>", "spice",
                   1, TRUE);
}

static void
test_garbage(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(viewer_domain_info_parse("<domain>", NULL, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/domain-info/devices", test_devices);
    g_test_add_func("/domain-info/paths", test_paths);
    g_test_add_func("/domain-info/displays", test_displays);
    g_test_add_func("/domain-info/garbage", test_garbage);
    return g_test_run();
}
