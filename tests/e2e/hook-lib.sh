# SPDX-License-Identifier: GPL-2.0-or-later
# What the suites of the hook share: small domains, their brokers, and users who may look or not.
# Most domains here are started paused: their QEMU connects to the broker, and no guest has to boot.
. "$(dirname "$0")/lib.sh"
start=$(journal_end)

# The same one each time
uuid_of() {
	cat "$work/$1.uuid" 2>/dev/null || tee "$work/$1.uuid" </proc/sys/kernel/random/uuid
}

# tiny NAME: the XML of a small domain with a vdmabuf device
tiny() {
	cat <<END
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$1</name>
  <uuid>$(uuid_of "$1")</uuid>
  <metadata>
    <vdmabuf:vdmabuf xmlns:vdmabuf='urn:vdmabuf:domain:1'>
      <vdmabuf:device alias='vdmabuf0'>
        <vdmabuf:label>Left screen</vdmabuf:label>
        <vdmabuf:limits buffers='16' memory='64' unit='MiB'/>
        <vdmabuf:consumers write='no' max='4'>
          <vdmabuf:user name='ann'/>
          <vdmabuf:group name='viewers'/>
        </vdmabuf:consumers>
      </vdmabuf:device>
    </vdmabuf:vdmabuf>
  </metadata>
  <memory unit='MiB'>64</memory>
  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
  <qemu:commandline>
    <qemu:arg value='-chardev'/>
    <qemu:arg value='socket,id=vdmabuf0,path=/run/vdmabuf/$1/vdmabuf0.vhost'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"pcie-root-port","id":"vdmabuf0-port","bus":"pcie.0","addr":"0x1e","chassis":230,"port":240}'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"vhost-user-test-device-pci","id":"vdmabuf0","chardev":"vdmabuf0","virtio-id":37,"num_vqs":2,"vq_size":256,"config_size":24,"bus":"vdmabuf0-port","addr":"0x0"}'/>
  </qemu:commandline>
</domain>
END
}

# Without the device, and without the element
plain() {
	tiny "$1" | sed '/<metadata>/,/<\/metadata>/d; /<qemu:commandline>/,/<\/qemu:commandline>/d'
}

define() {
	cat >"$work/define.xml" && virsh -q define "$work/define.xml"
}

unit() {
	echo "vhost-user-vdmabuf@$1-vdmabuf0.service"
}

broker() {
	systemctl show --property=MainPID --value "$(unit "$1")"
}

running() {
	[ "$(broker "$1")" != 0 ] && systemctl --quiet is-active "$(unit "$1")"
}

# of_all COMMAND...: for each domain of $domains, its name added
of_all() {
	for one in $domains; do
		"$@" "$one" || { echo "domain $one"; return 1; }
	done
}

# Of the domains named: no directory, no broker, and no unit that has failed
no_trace() {
	for one; do
		[ ! -e "/run/vdmabuf/$one" ] || { ls -la "/run/vdmabuf/$one"; return 1; }
		systemctl --all --no-legend list-units "$(unit "$one")" >"$work/units"
		[ ! -s "$work/units" ] || { cat "$work/units"; return 1; }
	done
}

define_one() {
	tiny "$1" | define
}

# Whose QEMU has connected is seen by anybody who may connect.
has_qemu() {
	vdmabuf-recv list | grep -A 1 "^$1/vdmabuf0: " | grep -q "process [1-9]"
}

profile() {
	cat "/proc/$1/attr/current"
}

destroy() {
	virsh -q destroy "$1" || echo "$1" >>"$work/not-destroyed"
}
destroy_all() {
	of_all destroy
	of_all no_trace && [ -z "$(ls /run/vdmabuf)" ] && [ ! -e "$work/not-destroyed" ]
}

for user in ann bob eve; do
	useradd --no-create-home "$user"
done
groupadd viewers
usermod --append --groups viewers bob
systemctl reload libvirtd

# Afterwards, as before
forget_all() {
	for domain in $(virsh -q list --all --name); do
		virsh -q undefine "$domain"
	done
	for user in ann bob eve; do
		userdel "$user"
	done
	groupdel viewers
}
