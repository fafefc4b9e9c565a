package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/musterhq/muster/geo"
	"github.com/musterhq/muster/notify"
	"github.com/musterhq/muster/roster"
)

// person is somebody made up.
type person struct {
	name     string
	phone    string // E.164
	token    string // of the device
	unit     roster.Unit
	grants   []grant
	position geo.Position
	mode     roster.TransportMode
	platform notify.Platform
	offDuty  bool
	roster   bool // is a responder
}

// seed begins all random numbers: the same roster every time.
const seed = 20230701

// MinResponders is how many it takes at least for the story to have somebody to
// replace everybody with.
const MinResponders = 30

// MaxResponders is how many responders there are numbers for.
const MaxResponders = 100_000

// Common surnames, and characters that are common in given names: what they
// make together is nobody in particular.
var (
	surnames = strings.Split("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈", "")
	givens   = strings.Split("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建文玉兰红志国海云龙春梅鑫波宇浩凯佳琳雪晨婷欣怡子涵博思雨俊辉", "")
)

// modes is how people get about: two in five on foot, e-bikes as common as in
// the city.
var modes = []roster.TransportMode{
	roster.OnFoot, roster.EBike, roster.OnFoot, roster.Bicycle, roster.EBike,
	roster.OnFoot, roster.Car, roster.EBike, roster.OnFoot, roster.Motorcycle,
}

// offDutyEvery is of how many responders one is off duty.
const offDutyEvery = 33

// responder makes up the i-th responder, from 0. The communities have the same
// number each, give or take one.
func responder(i int, communities []roster.Unit) person {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	unit := communities[i%len(communities)]
	// The root makes the density the same everywhere in the circle.
	position := away(*unit.Center, neighbourhood*math.Sqrt(r.Float64()), 2*math.Pi*r.Float64())
	p := person{
		name: name(r), phone: number(i), token: fmt.Sprintf("%s%05d", tokenPrefix, i),
		unit: unit, position: position, mode: modes[r.IntN(len(modes))], platform: notify.Android,
		offDuty: i%offDutyEvery == offDutyEvery/2, roster: true,
	}
	if r.IntN(5) == 0 {
		p.platform = notify.IOS
	}
	return p
}

func name(r *rand.Rand) string {
	full := surnames[r.IntN(len(surnames))] + givens[r.IntN(len(givens))]
	if r.IntN(3) > 0 {
		full += givens[r.IntN(len(givens))]
	}
	return full
}

// tokenPrefix begins every device's token.
const tokenPrefix = "demo-"

// phoneOf returns the phone number of the made-up responder whose device has
// the token, and false for the devices of the fixed accounts and any others.
func phoneOf(token string) (string, bool) {
	digits, ok := strings.CutPrefix(token, tokenPrefix)
	i, err := strconv.Atoi(digits)
	if !ok || err != nil || i < 0 || i >= MaxResponders {
		return "", false
	}
	return number(i), true
}

// number is the phone number of the i-th responder, in a block of its own.
func number(i int) string { return fmt.Sprintf("+86199000%05d", i) }
