package webhook

import (
	"bytes"
	"errors"
	"testing"
	"testing/iotest"
)

func TestABodyIsReadWholeAndItsMemoryGivenBack(t *testing.T) {
	const kib = 1 << 10
	for _, size := range []int{0, 1, 4*kib - 1, 4 * kib, 4*kib + 1, 20 * kib, 64*kib - 1, 64 * kib, 64*kib + 1, 1000 * kib} {
		for _, declared := range []int64{-1, int64(size)} {
			body := make([]byte, size)
			for i := range body {
				body[i] = byte(i >> 8)
			}
			var u unverified
			pieces, free, err := u.read(iotest.HalfReader(bytes.NewReader(body)), declared)
			if err != nil || !bytes.Equal(join(pieces), body) {
				t.Errorf("%d bytes, declared %d: %d came, %v", size, declared, len(join(pieces)), err)
			}
			var held int64
			for _, p := range pieces {
				held += int64(cap(p))
			}
			if held != u.bytes.Load() || held > int64(2*size+4*kib) {
				t.Errorf("%d bytes, declared %d: take %d, counted as %d", size, declared, held, u.bytes.Load())
			}
			if free(); u.bytes.Load() != 0 {
				t.Errorf("%d bytes are left", u.bytes.Load())
			}
		}
	}
}

func TestABodyWithoutRoomIsNotReadOn(t *testing.T) {
	for name, test := range map[string]struct {
		taken int64
		body  int
		err   error
	}{
		"a small one has the last":               {mostUnverified - smallBody, smallBody, nil},
		"a small one beyond it":                  {mostUnverified - smallBody + 1, smallBody, errNoRoom},
		"a large one has what is not for others": {mostUnverified - smallShare - 2*smallBody, 2 * smallBody, nil},
		"a large one beyond it":                  {mostUnverified - smallShare - 2*smallBody + 1, 2 * smallBody, errNoRoom},
	} {
		t.Run(name, func(t *testing.T) {
			var u unverified
			u.bytes.Store(test.taken)
			body := iotest.DataErrReader(bytes.NewReader(make([]byte, test.body))) // as net/http's
			_, free, err := u.read(body, int64(test.body))
			if !errors.Is(err, test.err) {
				t.Errorf("%v, want %v", err, test.err)
			}
			if free(); u.bytes.Load() != test.taken {
				t.Errorf("%d bytes are left", u.bytes.Load()-test.taken)
			}
		})
	}
}
