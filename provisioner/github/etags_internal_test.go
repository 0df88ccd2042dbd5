package github

import (
	"fmt"
	"testing"
)

func TestPagesReadLongestAgoAreForgottenFirst(t *testing.T) {
	t.Parallel()
	c := newETags()
	for i := range maxETags {
		c.put(&etagged{key: fmt.Sprint(i)})
	}
	c.get("0")
	c.put(&etagged{key: "1", etag: "anew"})
	c.put(&etagged{key: "one more"})
	c.put(&etagged{key: "and another"})
	for key, want := range map[string]bool{"0": true, "1": true, "2": false, "3": false, "4": true, "one more": true, "and another": true} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("page %s is known: %v, want %v", key, ok, want)
		}
	}
	c.drop("0")
	if _, ok := c.get("0"); ok || c.order.Len() != maxETags-1 || len(c.byKey) != maxETags-1 {
		t.Errorf("after a drop there are %d and %d pages", c.order.Len(), len(c.byKey))
	}
}
