package ec2test_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/datawire/github-runner-provisioner/awsrunner/ec2test"
)

func TestEC2Filters(t *testing.T) {
	fake := ec2test.New(ec2test.Config{})
	client := ec2Client(fake)
	for _, token := range []string{"one", "two", "t*o"} {
		in := runInput(token, "")
		in.TagSpecifications[0].Tags = append(in.TagSpecifications[0].Tags, types.Tag{Key: aws.String("name"), Value: aws.String(token)})
		if _, err := client.RunInstances(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		values []string
		want   int
	}{
		{"tag:name", []string{"one"}, 1},
		{"tag:name", []string{"one", "two"}, 2},
		{"tag:name", []string{"t*"}, 2},
		{"tag:name", []string{"t?o"}, 2},
		{"tag:name", []string{`t\*o`}, 1},
		{"tag:name", []string{"On"}, 0},
		{"tag:name", []string{"ONE"}, 0},
		{"tag:colour", []string{"*"}, 0},
		{"client-token", []string{"one"}, 1},
		{"instance-id", []string{fake.Instances()[0].ID}, 1},
		{"instance-state-name", []string{"pending"}, 3},
		{"instance-state-name", []string{"terminated"}, 0},
	} {
		out, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String(c.name), Values: c.values}}})
		if err != nil || len(out.Reservations) != c.want {
			t.Errorf("%s %q: %v, want %d instances", c.name, c.values, err, c.want)
		}
	}
}

func TestEC2PagesGoOnWhereTheyEndedWhateverComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ec2test.New(ec2test.Config{PageSize: 2})
		client := ec2Client(fake)
		for i := range 5 {
			if _, err := client.RunInstances(t.Context(), runInput(fmt.Sprint(i), "")); err != nil {
				t.Fatal(err)
			}
		}
		fake.Shutdown(fake.Instances()[0].ID)
		time.Sleep(time.Hour)
		pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000)})
		var sizes []int
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(out.Reservations))
			time.Sleep(time.Minute) // the first one is forgotten
		}
		if fmt.Sprint(sizes) != "[2 2 1]" {
			t.Errorf("pages of %v instances", sizes)
		}
		_, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: []string{fake.Instances()[4].ID}})
		if codeOf(err) != "InvalidParameterCombination" {
			t.Errorf("ids in pages: %v", err)
		}
	})
}

func TestEC2ListsLagArePagedAndForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := ec2test.New(ec2test.Config{VisibilityLag: 10 * time.Second})
		client := ec2Client(fake)
		for i := range 12 {
			if _, err := client.RunInstances(t.Context(), runInput(string(rune('a'+i)), "")); err != nil {
				t.Fatal(err)
			}
		}
		count := func(filters ...types.Filter) (n, pages int) {
			p := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), Filters: filters})
			for p.HasMorePages() {
				out, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pages++
				for _, r := range out.Reservations {
					n += len(r.Instances)
				}
			}
			return n, pages
		}
		if n, _ := count(); n != 0 {
			t.Errorf("%d instances are listed at once", n)
		}
		time.Sleep(11 * time.Second)
		if n, pages := count(); n != 12 || pages != 3 {
			t.Errorf("%d instances on %d pages", n, pages)
		}
		fake.Shutdown(fake.Instances()[0].ID)
		if n, _ := count(types.Filter{Name: aws.String("tag:k"), Values: []string{"v"}}, types.Filter{Name: aws.String("instance-state-name"), Values: []string{"running"}}); n != 11 {
			t.Errorf("%d run", n)
		}
		if n, _ := count(); n != 12 {
			t.Errorf("a terminated one is not shown: %d", n)
		}
		time.Sleep(61 * time.Minute)
		if n, _ := count(); n != 11 {
			t.Errorf("after an hour %d are shown", n)
		}
	})
}
