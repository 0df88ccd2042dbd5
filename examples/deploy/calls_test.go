package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/datawire/github-runner-provisioner/adapters/sqs"
	"github.com/datawire/github-runner-provisioner/awsrunner"
)

const sdk = "github.com/aws/aws-sdk-go-v2/service/"

// callsToAWS returns what the service can ask of AWS, as service:Call, with the packages that do:
// every call whose input type the source names, in the interfaces through which clients are handed
// in or where a call is made.
func callsToAWS(t *testing.T) map[string][]string {
	t.Helper()
	calls := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch name := d.Name(); {
			case strings.HasSuffix(name, "test"), name == "testdata", name == "examples", name == "tools", strings.HasPrefix(name, ".") && file != root:
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		for call := range callsIn(parsed) {
			calls[call] = append(calls[call], filepath.ToSlash(dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func callsIn(file *ast.File) map[string]bool {
	services := map[string]string{} // by the name that the file gives them
	for _, i := range file.Imports {
		full, _ := strconv.Unquote(i.Path.Value)
		service, ok := strings.CutPrefix(full, sdk)
		if !ok || strings.Contains(service, "/") {
			continue
		}
		name := path.Base(service)
		if i.Name != nil {
			name = i.Name.Name
		}
		services[name] = service
	}
	calls := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch x := s.X.(type) {
		case *ast.Ident: // ec2.RunInstancesInput
			if call, ok := strings.CutSuffix(s.Sel.Name, "Input"); ok && services[x.Name] != "" {
				calls[services[x.Name]+":"+call] = true
			}
		case *ast.CallExpr: // ssm.NewFromConfig(sdk).GetParameter
			if f, ok := x.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "NewFromConfig" {
				if p, ok := f.X.(*ast.Ident); ok && services[p.Name] != "" {
					calls[services[p.Name]+":"+s.Sel.Name] = true
				}
			}
		}
		return true
	})
	return calls
}

// The source is read as text, so this makes sure that it is read well.
func TestTheCallsOfTheClientInterfacesAreFound(t *testing.T) {
	calls := callsToAWS(t)
	for service, client := range map[string]reflect.Type{"ec2": reflect.TypeFor[awsrunner.EC2](), "sqs": reflect.TypeFor[sqs.SQS]()} {
		for m := range client.Methods() {
			if calls[service+":"+m.Name] == nil {
				t.Errorf("%s has %s, which was not found in the source", client, m.Name)
			}
		}
	}
}
