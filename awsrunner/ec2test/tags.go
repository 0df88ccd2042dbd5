package ec2test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// The rules for tags:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// metadataTag are the keys that instance metadata can show.
var metadataTag = regexp.MustCompile(`^[A-Za-z0-9+\-=.,_:@]+$`)

// tagsOf reads the tags of a launch by the kind of resource.
func tagsOf(form url.Values) (map[string]map[string]string, *apiError) {
	all := map[string]map[string]string{"instance": {}, "volume": {}, "network-interface": {}, "spot-instances-request": {}}
	for n := 1; ; n++ {
		spec := fmt.Sprintf("TagSpecification.%d.", n)
		kind := form.Get(spec + "ResourceType")
		if kind == "" {
			break
		}
		tags := all[kind]
		if tags == nil {
			return nil, invalid("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind)
		}
		for k := 1; form.Has(fmt.Sprintf("%sTag.%d.Key", spec, k)); k++ {
			key, value := form.Get(fmt.Sprintf("%sTag.%d.Key", spec, k)), form.Get(fmt.Sprintf("%sTag.%d.Value", spec, k))
			if _, twice := tags[key]; twice {
				return nil, invalid("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
			}
			if err := checkTag(key, value, kind == "instance" && form.Get("MetadataOptions.InstanceMetadataTags") == "enabled"); err != nil {
				return nil, err
			}
			tags[key] = value
		}
		if len(tags) > maxTags {
			return nil, invalid("TagLimitExceeded", "More than %d tags specified", maxTags)
		}
	}
	return all, nil
}

func checkTag(key, value string, inMetadata bool) *apiError {
	switch {
	case key == "":
		return invalid("InvalidParameterValue", "Tag key cannot be empty.")
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalid("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
	case len([]rune(key)) > maxTagKey:
		return invalid("InvalidParameterValue", "Tag key exceeds the maximum length of %d characters", maxTagKey)
	case len([]rune(value)) > maxTagValue:
		return invalid("InvalidParameterValue", "Tag value exceeds the maximum length of %d characters", maxTagValue)
	case inMetadata && !metadataTag.MatchString(key):
		return invalid("InvalidParameterValue", "'%s' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name.", key)
	}
	return nil
}
