package ec2test

import (
	"cmp"
	"encoding/xml"
	"net/url"
	"regexp"
)

// Image is a machine image. Fields that are left out are Ubuntu's for arm64.
type Image struct {
	State          string // defaults to available
	Architecture   string // defaults to arm64; also x86_64, arm64_mac, x86_64_mac, i386
	RootDevice     string // defaults to /dev/sda1
	RootDeviceType string // defaults to ebs; also instance-store
	GiB            int    // of its root volume; defaults to 8
}

// SetImage lets there be an image of that id, "ami-" and 8 or 17 hexadecimal digits. Instances can
// be launched from any, known or not.
func (e *Server) SetImage(id string, i Image) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images[id] = Image{
		State: cmp.Or(i.State, "available"), Architecture: cmp.Or(i.Architecture, "arm64"), RootDevice: cmp.Or(i.RootDevice, "/dev/sda1"),
		RootDeviceType: cmp.Or(i.RootDeviceType, "ebs"), GiB: cmp.Or(i.GiB, 8),
	}
}

var imageID = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)

type xmlImage struct {
	ID             string       `xml:"imageId"`
	State          string       `xml:"imageState"`
	Architecture   string       `xml:"architecture"`
	RootDevice     string       `xml:"rootDeviceName"`
	RootDeviceType string       `xml:"rootDeviceType"`
	Disks          []xmlMapping `xml:"blockDeviceMapping>item"`
}

type xmlMapping struct {
	Device string `xml:"deviceName"`
	EBS    xmlEBS `xml:"ebs"`
}

type xmlEBS struct {
	Snapshot string `xml:"snapshotId"`
	GiB      int    `xml:"volumeSize"`
}

// describeImages answers DescribeImages, for a caller that names them: nobody wants all there are.
func (e *Server) describeImages(form url.Values) (any, *apiError) {
	out := struct {
		XMLName xml.Name   `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeImagesResponse"`
		Request string     `xml:"requestId"`
		Set     []xmlImage `xml:"imagesSet>item"`
	}{Request: requestID}
	for _, id := range listed(form, "ImageId") {
		i, ok := e.images[id]
		switch {
		case !imageID.MatchString(id):
			return nil, invalid("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
		case !ok:
			return nil, invalid("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
		}
		x := xmlImage{ID: id, State: i.State, Architecture: i.Architecture, RootDevice: i.RootDevice, RootDeviceType: i.RootDeviceType}
		if i.RootDeviceType == "ebs" {
			x.Disks = []xmlMapping{{i.RootDevice, xmlEBS{"snap-0123456789abcdef0", i.GiB}}}
		}
		out.Set = append(out.Set, x)
	}
	if form.Get("DryRun") == "true" {
		return nil, dryRun()
	}
	return out, nil
}
