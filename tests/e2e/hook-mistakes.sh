# SPDX-License-Identifier: GPL-2.0-or-later
# Mistakes in the XML of a domain, for 80-hook.sh: of_mistake WHAT WORDS SED. Of WORDS, the first line is
# the mistake, and the last one what helps.
of_mistake 'an attribute that is not known' "bufers
it takes buffers" "s/buffers='16'/bufers='16'/"
of_mistake 'an element that is not known' "lable
it takes label" "s/vdmabuf:label>/vdmabuf:lable>/g"
of_mistake 'a limit that is no number' "buffers='many'
number" "s/buffers='16'/buffers='many'/"
of_mistake 'a unit that is not known' "unit='MByte'
MiB" "/limits/s/unit='MiB'/unit='MByte'/"
of_mistake 'a switch that is neither yes nor no' "write='maybe'
it takes yes or no" "s/write='no'/write='maybe'/"
of_mistake 'an alias that cannot be one' "alias='vdmabuf.0'
such as vdmabuf0" "s/alias='vdmabuf0'/alias='vdmabuf.0'/"
of_mistake 'a model that is not known' "model='vfio'
vhost-user" "s/alias='vdmabuf0'/& model='vfio'/"
of_mistake 'a queue of no possible size' "size='100'
power" "s|<vdmabuf:label>|<vdmabuf:queue size='100'/>&|"
of_mistake 'two devices with one alias' "two vdmabuf devices
alias" "s|</vdmabuf:vdmabuf>|<vdmabuf:device alias='vdmabuf0'/>&|"
of_mistake 'memory that is not shared' "shared
virt-vdmabuf" "s/<access mode='shared'/<access mode='private'/"
of_mistake 'memory that is no file' "memfd
virt-vdmabuf" "/<memoryBacking>/d"
of_mistake 'the socket of another domain' "/run/vdmabuf/wrong/vdmabuf0.vhost
virt-vdmabuf" "s|/run/vdmabuf/wrong/|/run/vdmabuf/other/|"
of_mistake 'no device on the command line' "vdmabuf0
virt-vdmabuf" "/vhost-user-test-device-pci/d"
of_mistake 'no command line' "vdmabuf0
virt-vdmabuf" "/<qemu:commandline>/,/<.qemu:commandline>/d"
of_mistake 'a queue that is another one on the command line' "512
virt-vdmabuf" "s|<vdmabuf:label>|<vdmabuf:queue size='512'/>&|"
of_mistake 'a user who is not there' "user 'nobody-at-all'
create it" "s/name='ann'/name='nobody-at-all'/"
of_mistake 'a group that is not there' "group 'no-group-at-all'
create it" "s/name='viewers'/name='no-group-at-all'/"
of_mistake 'more than the module allows' "higher than the module allows
/sys/module/vhost_vdmabuf/parameters" "s/buffers='16'/buffers='4000000000'/"
of_mistake 'a label that is too long' "label
64" "s/Left screen/$(printf '%065d' 0)/"
