// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest driver of the virtio dma-buf device: a device comes, goes, and sleeps.
 *
 * Lock order: see virtio_vdmabuf_drv.h.
 */
#include <linux/cc_platform.h>
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "virtio_vdmabuf_drv.h"

/* Not per device: what it runs may outlive a device, but not the module */
struct workqueue_struct *vdmabuf_wq;

static DEFINE_IDA(vdmabuf_ida);

static void vdmabuf_device_free(struct kref *ref)
{
	kfree(container_of(ref, struct vdmabuf_device, ref));
}

void vdmabuf_device_get(struct vdmabuf_device *dev)
{
	kref_get(&dev->ref);
}

void vdmabuf_device_put(struct vdmabuf_device *dev)
{
	kref_put(&dev->ref, vdmabuf_device_free);
}

/* Whether the host can be asked for something just now. */
int vdmabuf_state_error(struct vdmabuf_device *dev)
{
	switch (dev->state) {
	case VDMABUF_RUNNING:
		return 0;
	case VDMABUF_STOPPED:
		return -EAGAIN;	/* never leaves vdmabuf_frame_export() */
	default:
		return -ENODEV;
	}
}

/* Whoever waits learns that the device is gone; buffers stay until it is removed. */
void vdmabuf_device_dead(struct vdmabuf_device *dev)
{
	struct vdmabuf_file *file;

	lockdep_assert_held(&dev->lock);

	if (dev->state == VDMABUF_DEAD)
		return;
	dev->state = VDMABUF_DEAD;
	wake_up_all(&dev->wait);
	list_for_each_entry(file, &dev->files, node)
		wake_up_all(&file->wait);
}

static bool vdmabuf_nobody_registers(struct vdmabuf_device *dev)
{
	bool nobody;

	spin_lock(&dev->lock);
	nobody = !dev->nr_registering;
	spin_unlock(&dev->lock);
	return nobody;
}

/*
 * Part with the host, in @state from now on. Afterwards the device has no buffers, nobody
 * uses dma_dev, and there are no queues.
 */
static void vdmabuf_device_stop(struct vdmabuf_device *dev, enum vdmabuf_device_state state)
{
	spin_lock(&dev->lock);
	if (state == VDMABUF_DEAD)
		vdmabuf_device_dead(dev);
	else if (dev->state != VDMABUF_DEAD)
		dev->state = state;
	wake_up_all(&dev->wait);
	spin_unlock(&dev->lock);

	wait_event(dev->wait, vdmabuf_nobody_registers(dev));
	vdmabuf_queues_say_goodbye(dev);
	vdmabuf_queues_stop(dev);
	vdmabuf_buffers_drop(dev);
}

static int vdmabuf_device_read_config(struct vdmabuf_device *dev)
{
	struct virtio_device *vdev = dev->vdev;
	u32 page_size, max_buffers, max_entries;
	u64 max_bytes;

	virtio_cread_le(vdev, struct virtio_vdmabuf_config, page_size, &page_size);
	virtio_cread_le(vdev, struct virtio_vdmabuf_config, max_buffers, &max_buffers);
	virtio_cread_le(vdev, struct virtio_vdmabuf_config, max_entries, &max_entries);
	virtio_cread_le(vdev, struct virtio_vdmabuf_config, max_bytes, &max_bytes);

	if (page_size < 4096 || !is_power_of_2(page_size)) {
		dev_err(&vdev->dev, "the device has an impossible page size of %u\n",
			page_size);
		return -EINVAL;
	}

	spin_lock(&dev->lock);
	dev->page_size = page_size;
	dev->max_buffers = max_buffers;
	dev->max_entries = max_entries;
	dev->max_bytes = max_bytes;
	spin_unlock(&dev->lock);

	return 0;
}

/* Whether the IOMMU gives the device addresses that are not physical ones. */
static bool vdmabuf_iommu_translates(struct device *dma_dev)
{
#if IS_ENABLED(CONFIG_IOMMU_API)
	struct iommu_domain *domain = iommu_get_domain_for_dev(dma_dev);

	if (domain)
		return domain->type != IOMMU_DOMAIN_IDENTITY;
#endif
	return device_iommu_mapped(dma_dev);
}

/*
 * Pages are taken with the device of the transport, the one that does DMA. Without
 * ACCESS_PLATFORM the host takes addresses for guest physical ones, whatever the
 * guest's DMA API makes of them: so both have to be the same.
 */
static int vdmabuf_check_dma(struct vdmabuf_device *dev)
{
	struct virtio_device *vdev = dev->vdev;
	struct device *dma_dev = vdev->dev.parent;
	bool translates;

	if (!dma_dev || !dma_dev->dma_mask) {
		dev_err(&vdev->dev, "the transport has no device that can do DMA\n");
		return -ENODEV;
	}

	translates = vdmabuf_iommu_translates(dma_dev);
	if (virtio_has_dma_quirk(vdev) && translates) {
		dev_err(&vdev->dev,
			"the device uses guest physical addresses, but %s is behind an IOMMU: add iommu_platform=on to the device, or boot with iommu.passthrough=1\n",
			dev_name(dma_dev));
		return -EOPNOTSUPP;
	}
	if (virtio_has_dma_quirk(vdev) && cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		dev_err(&vdev->dev,
			"the guest's memory is encrypted: its pages cannot be shared with the host\n");
		return -EOPNOTSUPP;
	}

	/* An IOMMU maps whole pages where they are; only without one they are copied */
	dev->refuse_bounced = !translates;
	dev->dma_dev = dma_dev;
	/* A run of pages may have any length on the wire */
	if (dma_dev->dma_parms)
		dma_set_max_seg_size(dma_dev, UINT_MAX);

	return 0;
}

static int vdmabuf_probe(struct virtio_device *vdev)
{
	struct vdmabuf_device *dev;
	int err;

	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		dev_err(&vdev->dev, "the device is a legacy one, version 1 is required\n");
		return -ENODEV;
	}

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;

	kref_init(&dev->ref);
	dev->vdev = vdev;
	vdev->priv = dev;
	spin_lock_init(&dev->lock);
	dev->state = VDMABUF_STOPPED;
	INIT_LIST_HEAD(&dev->files);
	INIT_LIST_HEAD(&dev->buffers);
	hash_init(dev->by_id);
	hash_init(dev->by_dmabuf);
	init_waitqueue_head(&dev->wait);
	vdmabuf_queues_init(dev);

	err = vdmabuf_check_dma(dev);
	if (err)
		goto err_put;
	err = vdmabuf_device_read_config(dev);
	if (err)
		goto err_put;

	dev->index = ida_alloc(&vdmabuf_ida, GFP_KERNEL);
	if (dev->index < 0) {
		err = dev->index;
		goto err_put;
	}
	if (dev->index)
		snprintf(dev->name, sizeof(dev->name), "virtio-vdmabuf%d", dev->index);
	else
		snprintf(dev->name, sizeof(dev->name), "virtio-vdmabuf");

	err = vdmabuf_queues_start(dev);
	if (err)
		goto err_free_index;

	dev->misc.minor = MISC_DYNAMIC_MINOR;
	dev->misc.name = dev->name;
	dev->misc.fops = &vdmabuf_fops;
	dev->misc.parent = &vdev->dev;
	err = misc_register(&dev->misc);
	if (err) {
		dev_err(&vdev->dev, "cannot make the node %s: error %d\n", dev->name, err);
		goto err_stop;
	}

	return 0;

err_stop:
	vdmabuf_device_stop(dev, VDMABUF_DEAD);
err_free_index:
	ida_free(&vdmabuf_ida, dev->index);
err_put:
	vdev->priv = NULL;
	vdmabuf_device_put(dev);
	return err;
}

static void vdmabuf_remove(struct virtio_device *vdev)
{
	struct vdmabuf_device *dev = vdev->priv;

	/* Waits for an open() in progress; there is none after it */
	misc_deregister(&dev->misc);
	/* The next device may have the name, whoever still has this one open */
	ida_free(&vdmabuf_ida, dev->index);
	vdmabuf_device_stop(dev, VDMABUF_DEAD);
	vdev->priv = NULL;
	vdmabuf_device_put(dev);
}

static int __maybe_unused vdmabuf_freeze(struct virtio_device *vdev)
{
	vdmabuf_device_stop(vdev->priv, VDMABUF_STOPPED);
	return 0;
}

static int __maybe_unused vdmabuf_restore(struct virtio_device *vdev)
{
	struct vdmabuf_device *dev = vdev->priv;
	bool dead;
	int err;

	/* Producers have been told that it is gone, and it stays so */
	spin_lock(&dev->lock);
	dead = dev->state == VDMABUF_DEAD;
	spin_unlock(&dev->lock);
	if (dead)
		return -ENODEV;

	err = vdmabuf_device_read_config(dev);
	if (!err)
		err = vdmabuf_queues_start(dev);
	if (err) {
		spin_lock(&dev->lock);
		vdmabuf_device_dead(dev);
		spin_unlock(&dev->lock);
	}
	return err;
}

static const struct virtio_device_id vdmabuf_id_table[] = {
	{ VIRTIO_ID_DMABUF, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, vdmabuf_id_table);

/* No shutdown: where the core has one, it resets the device, which is all there is to do. */
static struct virtio_driver vdmabuf_driver = {
	.driver.name	= KBUILD_MODNAME,
	.driver.owner	= THIS_MODULE,
	.id_table	= vdmabuf_id_table,
	.probe		= vdmabuf_probe,
	.remove		= vdmabuf_remove,
#ifdef CONFIG_PM_SLEEP
	.freeze		= vdmabuf_freeze,
	.restore	= vdmabuf_restore,
#endif
	COMPAT_VIRTIO_RESET_OPS(vdmabuf_freeze, vdmabuf_restore)
};

static int __init vdmabuf_init(void)
{
	int err;

	vdmabuf_wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!vdmabuf_wq)
		return -ENOMEM;

	err = register_virtio_driver(&vdmabuf_driver);
	if (err)
		destroy_workqueue(vdmabuf_wq);
	return err;
}
module_init(vdmabuf_init);

static void __exit vdmabuf_exit(void)
{
	unregister_virtio_driver(&vdmabuf_driver);
	destroy_workqueue(vdmabuf_wq);
}
module_exit(vdmabuf_exit);

MODULE_DESCRIPTION("Shares dma-bufs of a guest with its host");
MODULE_LICENSE("GPL");
COMPAT_MODULE_IMPORT_NS_DMA_BUF;
