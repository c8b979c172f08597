"""Writes golden.json: the results of Hydra and OmegaConf for the cases below.

Run it in an environment with `pip install hydra-core==1.3.8 omegaconf==2.3.1`:

    python make_golden.py           # write golden.json
    python make_golden.py --check   # compare with golden.json; exit status 1 if it differs

Infinities and NaN, which JSON lacks, are written as {"$float": "nan"}, and mappings with keys that are no strings as
{"$pairs": [[key, value], …]}.
"""

import argparse
import json
import math
import os
import shutil
import sys
import warnings
from pathlib import Path

import draw
import hydra
import omegaconf
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal import hydra as hydra_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Glob, QuotedString, Sweep
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import InterpolationResolutionError

VERSIONS = {"hydra-core": "1.3.8", "omegaconf": "2.3.1"}
HERE = Path(__file__).parent
TREES = HERE / "trees"
ENVIRONMENT = {"GOLDEN_BUCKET": "tiles", "GOLDEN_NUMBER": "12", "GOLDEN_EMPTY": ""}

PREDECESSOR = ["predecessor"]
LAYERS = ["layers"]
BOTH = ["layers", "second"]

# (search path, config, overrides)
COMPOSE = [
    (PREDECESSOR, "config_hydra", []),
    (PREDECESSOR, "config_hydra", ["train_hyp=train_hyp_gcp_gpu"]),
    (PREDECESSOR, "config_hydra", ["train_hyp=train_hyp_gcp_gpu", "model_hyp=flexible"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs=5", "train_hyp.learning_rate=3e-4"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.learning_rate=1", "train_hyp.wandb_enabled=no"]),
    (PREDECESSOR, "config_hydra", ["model_hyp.channels=[8,16]", "model_hyp.strides=[2]"]),
    (PREDECESSOR, "config_hydra", ["model_hyp.channels.0=8", "model_hyp.channels.4=512"]),
    (PREDECESSOR, "config_hydra", ["model_hyp.channels.5=8"]),
    (PREDECESSOR, "config_hydra", ["+predict_hyp=predict_hyp_default"]),
    (PREDECESSOR, "config_hydra", ["predict_hyp=predict_hyp_default"]),
    (PREDECESSOR, "config_hydra", ["~evidently", "~unittest=unittest_default"]),
    (PREDECESSOR, "config_hydra", ["~unittest=other"]),
    (PREDECESSOR, "config_hydra", ["~train_hyp.loss", "~train_hyp.optimizer=Adam"]),
    (PREDECESSOR, "config_hydra", ["~train_hyp.optimizer=AdamW"]),
    (PREDECESSOR, "config_hydra", ["~train_hyp.nothing"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epoch=5"]),
    (PREDECESSOR, "config_hydra", ["max_epochs=5"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs.deep=5"]),
    (PREDECESSOR, "config_hydra", ["+train_hyp.seed=42", "+new.deep.key=[1,{a:b}]"]),
    (PREDECESSOR, "config_hydra", ["+train_hyp.max_epochs=4"]),
    (PREDECESSOR, "config_hydra", ["++train_hyp.max_epochs=4", "++train_hyp.extra=null"]),
    (PREDECESSOR, "config_hydra", ["++train_hyp.max_epochs.deep=4"]),
    (PREDECESSOR, "config_hydra", ["train_hyp=train_hyp_default_2"]),
    (PREDECESSOR, "config_hydra", ["train_hyp=null"]),
    (PREDECESSOR, "config_hydra", ["train_hyp={max_epochs:9,loss:Focal}"]),
    (PREDECESSOR, "config_hydra", ["train_hyp={max_epochs:9,nope:1}"]),
    (PREDECESSOR, "config_hydra", ["+train_hyp={nope:1}"]),
    (PREDECESSOR, "config_hydra", ["train_hyp=5"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs=5,6"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs=range(1,3)"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.test_location='data/a,b'", "train_hyp.loss=Dice CE"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.test_location=${.train_img_location}/../test"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.train_img_location=${oc.env:GOLDEN_BUCKET}/train"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs=1", "train_hyp.max_epochs=2"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.loss="]),
    (PREDECESSOR, "config_hydra", ["unittest.classes={2:stroma}"]),
    (PREDECESSOR, "config_hydra", ["+unittest.classes={two:stroma}"]),
    (PREDECESSOR, "config_hydra", ["+train_hyp@other=train_hyp_default"]),
    (PREDECESSOR, "config_hydra", ["hidden_group/x=1"]),
    (PREDECESSOR, "config_hydra", ["++train_hyp=train_hyp_gcp_gpu"]),
    (PREDECESSOR, "config_hydr", []),
    (PREDECESSOR, "train_hyp/train_hyp_gcp_gpu", []),
    (LAYERS, "config", []),
    (LAYERS, "config", ["required=now", "name=null"]),
    (LAYERS, "config", ["db=postgres"]),
    (LAYERS, "config", ["db=layered"]),
    (LAYERS, "config", ["server=nginx"]),
    (LAYERS, "config", ["server/tls=strict"]),
    (LAYERS, "config", ["loss=focal"]),
    (LAYERS, "config", ["loss=focal", "loss@server.monitor=focal"]),
    (LAYERS, "config", ["loss@server.monitor=focal"]),
    (LAYERS, "config", ["loss@monitor=focal"]),
    (LAYERS, "config", ["+extra=one"]),
    (LAYERS, "config", ["+extra=[one,two]"]),
    (LAYERS, "config", ["+extra@deep.package=one"]),
    (LAYERS, "config", ["+extra@_global_=one"]),
    (LAYERS, "config", ["extra=one"]),
    (LAYERS, "config", ["+db=postgres"]),
    (LAYERS, "config", ["~db"]),
    (LAYERS, "config", ["~db=postgres"]),
    (LAYERS, "config", ["~server/tls"]),
    (LAYERS, "config", ["~loss"]),
    (LAYERS, "config", ["~extra"]),
    (LAYERS, "config", ["db@nowhere=mysql"]),
    (LAYERS, "config", ["nogroup@x=mysql"]),
    (LAYERS, "config", ["db=[mysql,postgres]"]),
    (LAYERS, "config", ["db.port=7", "db.note=changed"]),
    (LAYERS, "config", ["db.port={a:1}"]),
    (LAYERS, "config", ["db=postgres", "db.timeout=1", "+db.pool.size=4"]),
    (LAYERS, "config", ["+required=3"]),
    (LAYERS, "config", ["~required"]),
    (LAYERS, "self_last", []),
    (LAYERS, "self_absent", []),
    (LAYERS, "self_absent", ["db=postgres"]),
    (LAYERS, "self_middle", []),
    (LAYERS, "plain", []),
    (LAYERS, "plain", ["a=[1]"]),
    (LAYERS, "plain", ["a.c.e={x:1}"]),
    (LAYERS, "plain", ["a.c.e.2.f=4", "a.c.e.-1=5"]),
    (LAYERS, "plain", ["a.c.e.2.f=4", "a.c.e.0=[x]"]),
    (LAYERS, "plain", ["a=5"]),
    (LAYERS, "plain", ["a=null"]),
    (LAYERS, "plain", ["nothing=1", "flag=[]"]),
    (LAYERS, "plain", ["nothing={a:1}"]),
    (LAYERS, "plain", ["nothing.a=1"]),
    (LAYERS, "plain", ["+nothing.a=1"]),
    (LAYERS, "plain", ["+nothing=1"]),
    (LAYERS, "plain", ["~nothing"]),
    (LAYERS, "plain", ["~a.c.e.0"]),
    (LAYERS, "plain", ["~a.c"]),
    (LAYERS, "plain", ["~a.c.e=[1,2,{f:3}]"]),
    (LAYERS, "plain", ["+db=mysql"]),
    (LAYERS, "plain", ["+db=mysql", "db.port=4"]),
    (LAYERS, "plain", ["+a.c={new:1}"]),
    (LAYERS, "plain", ["+a.c.e=[9]"]),
    (LAYERS, "plain", ["a.c={d:changed}"]),
    (LAYERS, "includes", []),
    (LAYERS, "includes", ["db=postgres"]),
    (LAYERS, "overriding", []),
    (LAYERS, "overriding", ["db=mysql"]),
    (LAYERS, "override_early", []),
    (LAYERS, "override_unknown", []),
    (LAYERS, "mandatory", []),
    (LAYERS, "mandatory", ["db=postgres"]),
    (LAYERS, "missing_option", []),
    (LAYERS, "missing_option", ["db=mysql"]),
    (LAYERS, "missing_config", []),
    (LAYERS, "many", []),
    (LAYERS, "many", ["extra=two"]),
    (LAYERS, "many", ["extra=[two,one]"]),
    (LAYERS, "many", ["~extra"]),
    (LAYERS, "packages", []),
    (LAYERS, "packages", ["db@source=postgres", "db@deep.er=postgres"]),
    (LAYERS, "packages", ["~db@target"]),
    (LAYERS, "packages", ["db=mysql"]),
    (LAYERS, "duplicate", []),
    (LAYERS, "double_self", []),
    (LAYERS, "headers", []),
    (LAYERS, "header_one", []),
    (LAYERS, "header_one", ["top=moved"]),
    (LAYERS, "header_two", []),
    (LAYERS, "header_group", []),
    (LAYERS, "header_package_wins", []),
    (LAYERS, "interpolated", []),
    (LAYERS, "interpolated", ["db=postgres"]),
    (LAYERS, "interpolated", ["server=nginx"]),
    (LAYERS, "bad_list", []),
    (LAYERS, "missing_over_value", []),
    (LAYERS, "null_merge", []),
    (LAYERS, "clash", []),
    (LAYERS, "plain", ["a={c:[1]}"]),
    (LAYERS, "experiment", []),
    (LAYERS, "with_experiment", []),
    (LAYERS, "with_experiment", ["db=mysql"]),
    (LAYERS, "empty", []),
    (LAYERS, "empty", ["+a=1", "+db=mysql"]),
    (LAYERS, "comment", []),
    (LAYERS, "list", []),
    (LAYERS, "db/layered", []),
    (BOTH, "config", []),
    (BOTH, "config", ["db=sqlite"]),
    (BOTH, "config", ["+metrics=dice"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.max_epochs=???"]),
    (PREDECESSOR, "config_hydra", ["model_hyp.channels=[8, 16,  32]", "model_hyp.strides=[1,'2',x y]"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.loss=\"Dice, CE\"", "train_hyp.optimizer=a\\,b"]),
    (PREDECESSOR, "config_hydra", ["++train_hyp.nested={a:{b:[1,{c:null}]}}", "++train_hyp.nested.a.d=1.5"]),
    (PREDECESSOR, "config_hydra", ["+copy=${train_hyp.loss}-${model_hyp.channels.0}"]),
    (PREDECESSOR, "config_hydra", ["+copy=${train_hyp}", "~evidently"]),
    (PREDECESSOR, "config_hydra", ["evidently.report_location=${train_hyp.nothing}"]),
    (PREDECESSOR, "config_hydra", ["model_hyp@second=flexible"]),
    (PREDECESSOR, "config_hydra", ["+model_hyp@second=flexible", "second.spatial_dims=3"]),
    (PREDECESSOR, "config_hydra", ["train_hyp.learning_rate=float('1e-5')", "train_hyp.max_epochs=int(7.9)"]),
    (LAYERS, "config", ["db=postgres", "server=nginx", "+extra=[one,two]", "~loss"]),
    (LAYERS, "config", ["+extra@a.b=one", "+extra@a.c=two", "a.b.one=2"]),
    (LAYERS, "config", ["server.host=${db.driver}", "+server.port=${..db.port}"]),
    (LAYERS, "packages", ["db@source=mysql", "+db@third=postgres"]),
    (LAYERS, "overriding", ["server=nginx"]),
    (LAYERS, "self_middle", ["db=postgres"]),
    (LAYERS, "many", ["extra=[]"]),
    (LAYERS, "many", ["extra=one", "~extra"]),
    (BOTH, "config", ["+metrics@eval.metrics=dice", "db=sqlite"]),
]

# Overrides with one value.
OVERRIDES = [
    "key=1", "key=-1", "key=+7", "key=1_000", "key=007", "key=0", "key=1.5", "key=1.", "key=.5",
    "key=-.5", "key=1e-4", "key=1E5", "key=1_0.0_1e1_0", "key=inf", "key=-inf", "key=nan", "key=NaN",
    "key=infinity", "key=true", "key=TRUE", "key=False", "key=yes", "key=on", "key=null", "key=NULL",
    "key=~", "key=None", "key=", "key= ", "key=a", "key=a b", "key=  a  b  ", "key=a-b_c", "key=-",
    "key=a/b", "key=/a/b.c", "key=gs://bucket/x", "key=a:b", "key=a : b", "key=:", "key=a@b%c*d?e|f+g$h",
    "key=2024-01-31", "key=12:30", "key=1.2.3", "key=1-2", "key=1e", "key=1x", "key=x1", "key=--flag",
    "key='a'", 'key="a"', "key=''", 'key=""', "key='a,b'", "key='it\\'s'", 'key="say \\"hi\\""',
    "key='a\"b'", "key='\\\\'", "key='a\\\\'", "key='a\\\\\\'b'", "key='a\\nb'", "key='1'", "key='null'",
    "key='${x}'", "key=' a '", "key='a'b", "key=b'a'", "key='a", "key=a'", "key='a' ", "key= 'a'",
    "key=a\\,b", "key=a\\ ", "key=\\ a", "key=a\\=b", "key=\\[a\\]", "key=a\\\\b", "key=a\\b", "key=\\(\\)\\{\\}\\:",
    "key=a=b", "key=a#b", "key=a!b", "key=a<b", "key=a;b", "key=ü", "key='ü'", "key=a&b", "key=^a",
    "key=[]", "key=[1]", "key=[1,2,[3,a]]", "key=[ 1 , a b , 'c,d' ]", "key=[a,]", "key=[,a]", "key=[1,2",
    "key=1]", "key=[null,true,1.0,'']", "key=[[],{}]", "key=[a:b]", "key=[${x},${y.z}]",
    "key={}", "key={a:1}", "key={a:1,b:{c:2}}", "key={ a : 1 , b : x y }", "key={a:[1,2]}", "key={a}",
    "key={a:}", "key={a:1,a:2}", "key={1:a,true:b}", "key={a b:c}", "key={'a':1}", "key={a:b:c}", "key={a:1",
    "key={a.b:1}", "key={a/b:1}", "key={a:'x}'}", "key={null:1}", "key={1.5:a}",
    "key=${a}", "key=${a.b}", "key=${oc.env:HOME}", "key=${oc.env:HOME,/root}", "key=a${b}c", "key=${a}${b}",
    "key=${}", "key=${a", "key=$", "key=$a", "key=${a:${b}}", "key=${ a }",
    "key=int(3.7)", "key=int('3')", "key=int(3x)", "key=float(3)", "key=float('1e3')", "key=str(3)",
    "key=str(true)", "key=str(1e-5)", "key=bool(1)", "key=bool(false)", "key=bool('true')", "key=bool(x)",
    "key=int([1.5,2])", "key=float({a:1,b:2})", "key=str([1,[2]])", "key=int(value=2.5)", "key=int()",
    "key=[int(1.5),str(2)]", "key={a:str(1)}", "key=foo(1)", "key=foo (1)", "key=foo()", "key=(1)", "key=a(",
    "key=str(null)", "key=int(true)", "key=float(inf)",
    "+key=1", "++key=1", "+++key=1", "~key", "~key=1", "~key=", "key", "+key", "=1", "", "a.b=1", "a.b.0=1",
    "a.0.b=1", "a..b=1", ".a=1", "a.=1", "a/b=c", "a/b/c=d", "a/=b", "/a=b", "a@b=c", "a@b.c=d", "a@=b", "a@b@c=d",
    "a/b@c=d", "a.b/c=d", "a:b=1", "a b=1", " a=1", "a =1", "$a=1", "a-b=1", "-a=1", "0=1", "1a=1", "a.01=1", "_a=1",
    "hydra/launcher=x", "a@:b=c", "ä=1",
]

# (tree, config, seed, number of cases, overrides without which it does not compose), for draw.py
DRAWN = [
    ("predecessor", "config_hydra", 1, 140, []),
    ("project", "config_hydra", 2, 160, []),
    ("layers", "config", 3, 120, ["required=1"]),
    ("layers", "plain", 4, 60, []),
]

INFO = [
    (PREDECESSOR, "config_hydra", []),
    (PREDECESSOR, "config_hydra", ["train_hyp=train_hyp_gcp_gpu", "train_hyp.max_epochs=5", "+train_hyp.seed=1"]),
    (PREDECESSOR, "config_hydra", ["~evidently", "hydra.run.dir=runs/${hydra.job.override_dirname}"]),
    (PREDECESSOR, "config_hydra", ["hydra/job_logging=disabled", "hydra.job.name=nightly", "hydra.verbose=true"]),
    (PREDECESSOR, "config_hydra", ["hydra.sweep.subdir=7", "hydra.output_subdir=null", "hydra.job.chdir=True"]),
    (PREDECESSOR, "config_hydra", ["hydra.job.chdir=maybe"]),
    (PREDECESSOR, "config_hydra", ["hydra.run.dir=null"]),
    (PREDECESSOR, "config_hydra", ["hydra.run.dir=[a]"]),
    (PREDECESSOR, "config_hydra", ["hydra.nothing=1"]),
    (PREDECESSOR, "config_hydra", ["+hydra.nothing=1"]),
    (PREDECESSOR, "config_hydra", ["hydra.mode=MULTIRUN", "+hydra.job.env_set.A=1", "hydra.verbose=[a,b]"]),
    (PREDECESSOR, "config_hydra", ["hydra.mode=other"]),
    (PREDECESSOR, "config_hydra", ["hydra/launcher=other"]),
    (PREDECESSOR, "config_hydra", ["~hydra/output"]),
    (PREDECESSOR, "config_hydra", ["hydra.job.config.override_dirname.exclude_keys=[b]", "+b=1", "+a.c={x:1}", "+a.d='x y'"]),
    (PREDECESSOR, "config_hydra", ["hydra.job.config.override_dirname.kv_sep=:", "+b=1", "+a=2"]),
    (PREDECESSOR, "config_hydra", ["hydra.sweeper.max_batch_size=4", "+hydra.launcher.n_jobs=2"]),
    (PREDECESSOR, "config_hydra", ["hydra.searchpath=a"]),
    (PREDECESSOR, "config_hydra", ["hydra.sweep.dir=x,y"]),
    (LAYERS, "config", ["required=1"]),
    (LAYERS, "config", ["required=1", "db=postgres", "server=nginx"]),
    (LAYERS, "with_experiment", []),
    (LAYERS, "includes", []),
    (LAYERS, "interpolated", []),
    (LAYERS, "many", []),
    (LAYERS, "headers", []),
    (LAYERS, "packages", []),
    (LAYERS, "mandatory", []),
]

# Sweeps, to be expanded by Hydra's basic sweeper.
SWEEPS = [
    ["a=1,2"], ["a=1,2", "b=x,y"], ["a=1", "b=x,y", "c=z"], ["a=1,2", "b=range(3)"], ["a=choice(1,2,3)"],
    ["a=choice(x y,'p,q')"], ["a=choice(1)"], ["a=choice()"], ["a=choice(choice(1,2))"], ["a=choice([1,2],{x:1})"],
    ["a=range(1,4)"], ["a=range(4)"], ["a=range(1,10,3)"], ["a=range(10,1,-3)"], ["a=range(0,1,0.25)"],
    ["a=range(0,1,0.1)"], ["a=range(0.0,3)"], ["a=range(start=1,stop=3)"], ["a=range(1,stop=3)"],
    ["a=range(stop=3,step=2,start=-3)"], ["a=range(1,x)"], ["a=range(1,3,0)"], ["a=range(1,2,3,4)"],
    ["a=range(start=1,2)"], ["a=range(1,0,-0.3)"], ["a=range(-1.5,1.5,0.75)"], ["a=range(1e-3,5e-3,1e-3)"],
    ["a=range(100,101,0.1)"], ["a=float(range(1,3))"], ["a=int(range(1.5,4.5))"], ["a=str(range(1,3))"],
    ["a=int(1.5,2.5)"], ["a=str(1,2)"], ["a=float(choice(1,2))"], ["a=bool(choice(0,1))"],
    ["a=tag(t,choice(1,2))"], ["a=tag(x,y,range(2))"], ["a=tag(x)"],
    ["a=1,2", "a=3,4"], ["a=1,2", "+a=3,4"], ["+a=1,2", "++b=3,4", "c@d=e,f"], ["a=[1,2],[3]"],
    ["a={x:1},{x:2}"], ["a='1','a b'"], ["a=null,true,1.0,1e-7"], ["a=x,"], ["a=,x"], ["a=1,choice(2,3)"],
    ["a=[choice(1,2)]"], ["a=${x},${y}"], ["a=s\\,t,u"], ["a= 1 , 2 "], ["~a=1,2"],
    ["a=1,2", "b=x,y", "c=range(1,3)"], ["a=choice([1,2],[3])", "b='x,y','z'"], ["a.b=1e-3,1e-4", "c/d=e,f"],
    ["++a.b.c=null,true"], ["a=tag(t,range(3,0,-1))"], ["a=range(0,0.5,0.125)"], ["a=float(1,2,3)"],
    ["a={x:[1,2],y:{z:1}},{x:[]}"], ["a=choice(a-b,c/d,e.f)"],
]

# Documents with one scalar under `x`.
SCALARS = [
    "", "~", "null", "Null", "NULL", "nULL", "true", "True", "TRUE", "tRUE", "false", "yes", "Yes", "YES", "no",
    "on", "On", "off", "OFF", "y", "n", "Y", "0", "1", "-1", "+1", "007", "010", "08", "-010", "0o17", "0x1F",
    "0xg", "-0x1f", "0b101", "0b12", "1_000", "_1", "1__0", "0_7", "0x_1", "1:30", "1:60", "1:2:3", "-1:30",
    "1:30.5", "1.0", "1.", ".5", "-.5", "+.5", "1.5e3", "1.5e+3", "1e3", "1e-4", "1E5", "1e+5", ".5e3", ".5e+3",
    "1_0.5", "1.5_0", "1e1_0", "1_0e1", "1__0e1", "1__0.5e1", ".inf", "-.inf", "+.INF", ".Inf", "inf", ".nan", ".NaN",
    "nan", "-.nan", "1e", "e1", "1.2.3", "2024-01-31", "2024-01-31 10:00:00", "12e03", "0.1.", "+", "-a", ".",
    "..", "a", "a b", "a  b", "'1'", '"1"', "'a''b'", '"a\\nb"', '"a\\tb"', '"\\u00e9"', "'a\\nb'", "a#b", "a #b",
    "a: b", "'a: b'", "[1, a, [b], {c: 1}]", "{a: 1, b: [x]}", "[]", "{}", "!!str 1", "!!int '3'", "!!float 1",
    "!!bool 'yes'", "!!null ''", "|\n  a\n  b\n", ">\n  a\n  b\n", "|-\n  a\n", "!custom 1", "&a 1", "*a", "@a",
    "`a", "%a", "${a}", "???", "ü", "1 2", "<<", "=", "1,000", "$x", "-", "- 1", "? a", "http://x.y:80/z", "C:\\x",
    "9223372036854775807", "-9223372036854775808", "true # comment", "1e400", "-0.0", "0.1", "12345.6789",
    "1e-400", "{a: ???}", "{a: '???'}", "[a,]", "[1,,2]", "{a}", "{a: 1,}", "[", "{a: 1", "'a", '"a', '"\\x"', "\ta", "a\tb",
]

DOCUMENTS = [
    "", "# nothing", "---\na: 1", "---\na: 1\n...\n", "a: 1\n---\nb: 2", "a: 1\na: 2", "a: 1\n'a': 2", "{a: 1, a: 2}",
    "b:\n  a: 1\n  a: 2", "1: a\n2: b", "true: a", "1.5: a", "yes: a", "'1': a", "? a\n: b", "[1, 2]", "- 1\n- 2",
    "a: &x {b: 1}\nc: *x", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", "a: &x {b: 1}\nd: {<<: *x, b: 2}",
    "a: &x {b: 1}\ny: &y {b: 2, c: 3}\nd:\n  <<: [*x, *y]\n  e: 4", "d: {<<: 1}", "a: &x [1]\nd: {<<: *x}",
    "a: &x 1\nb: [*x, *x]", "a: *x", "a: &x\n  b: *x", "a:\n  - b\n  - c: 1\n    d: 2\n  -\n    - e\n",
    "a:\n- b\n- c\n", "a:\n    b: 1\n    c:\n        d: 2", "a: 1\n b: 2", "a:\n\tb: 1", "a: b: c", "a", "'a'", "null",
    "a: |\n  x\n   y\n\n  z\n\nb: 1", "a: >-\n  x\n  y\n\n  z\n", "a: x\n  y\n  z", "a: 'x\n  y'", "a: [1,\n  2]",
    "a: {b: 1,\n  c: 2}", "a: # comment\n  1", "%YAML 1.1\n---\na: yes", "a: 1\n# end\n", "\ufeffa: 1", "a: 1\r\nb: 2\r\n",
    "null: a", "~: a", "[1]: a", "a : 1", "'a b': 1", "a b: 1", "a:1", "a.b: 1", "!!map {a: 1}", "a: !!seq [1]",
    "a: !!set {b}", "on: [push]\noff: 1",
]

# Values to emit.
EMIT = [
    {}, [], {"a": {}}, {"a": []}, {"a": None, "b": True, "c": False}, {"a": 1, "b": -5, "c": 0},
    {"a": 1.0, "b": 0.1, "c": 1e-4, "d": 1e-5, "e": 1e16, "f": 1.5e300, "g": -0.0, "h": 123456.789},
    {"a": float("inf"), "b": float("-inf"), "c": float("nan")}, {"a": {"b": {"c": 1}}},
    {"a": [1, 2], "b": [[1], [2, [3]]], "c": [{"d": 1, "e": 2}, {"f": [1]}]}, [1, [2, 3], {"a": 1}], [[[]], [{}]],
    {"s": ["a", "a b", "", " a", "a ", "1", "1.5", "1e5", "1e-4", ".5", "0x1", "010", "08", "1_000", "1:30", "inf", "nan"]},
    {"s": ["true", "yes", "no", "on", "y", "n", "null", "~", "None", "Null", ".inf", ".nan", "???", "${a.b}", "infinity"]},
    {"s": ["a: b", "a:", ":a", "a:b", "a #b", "a#b", "#a", "- a", "-a", "-", "?", "? a", "!a", "&a", "*a", "@a", "`a"]},
    {"s": ["%a", "|", ">", "'a'", '"a"', "it's", 'say "x"', "[a]", "{a}", "a[b]", "a,b", ",a", "a]", "---", "--- a", "..."]},
    {"s": ["ü", "日本", "a/b", "C:\\x", "gs://b/c", "2024-01-31", "12e03", "<<", "=", "a=b", "$a", "a\tb", "..", "."]},
    {"s": ["2024-01-31 10:00:00", "0", "-1", "+1", "0b1", "0o7", "a\\b", "a'b\"c", "* a", "1 2", "e5", "_1", "1_"]},
    {"1": 1}, {"": 1}, {"a b": 1, "a: b": 4, "#a": 6, "null": 7, "a.b": 8, "y": 9, "${a}": 10, "-": 11},
    ["lr=1e-3", "a: b", "- x", "null", "1e-3", "x=${x}", "~foo", "#", "", "+a=[1,2]", "a='b,c'", "++a={b:1}"],
    {"a": "two\nlines"}, {"a": "long " * 20 + "line"},
    {1: "a", 2: "b", -3: "c"}, {True: 1}, {1.5: 1},
    {"train": {"lr": 1e-4, "channels": [16, 32], "name": "UNet", "backbone": "efficientnet-b0", "on": True}},
]

# Configurations whose interpolations are resolved.
INTERPOLATE = [
    "{a: 1, b: '${a}'}", "{a: 1.5, b: 'x${a}y'}", "{a: true, b: '${a}', c: 'is ${a}'}", "{a: null, b: '${a}', c: '${a}!'}",
    "{a: [1, b], c: '${a}', d: '${a.1}', e: '${a[0]}', f: '${a[1]}x'}", "{a: {b: {c: 1}}, d: '${a.b}', e: '${a[b].c}', f: '${a[b][c]}'}",
    "{a: {x: 1, y: '${.x}', z: {w: '${..x}', v: '${...q}'}}, q: 2}", "{l: [1, '${.0}', '${..n}'], n: 5}",
    "{a: '${b}', b: '${c}', c: 3}", "{a: '${b}', b: '${a}'}", "{a: '${a}'}", "{a: '${.a}'}", "{a: {b: '${a}'}}",
    "{a: '${nope}'}", "{a: '${b.nope}', b: {c: 1}}", "{a: '${b.x}', b: 3}", "{a: '${b.x}', b: null}", "{a: '${b.9}', b: [1]}",
    "{a: '${b.x}', b: [1]}", "{a: '${b.-1}', b: [1, 2]}", "{a: '${....x}'}", "{a: '${b}', b: '???'}", "{a: 'x${b}', b: '???'}",
    "{a: '${b}', b: {c: '???'}}", "{a: '${b.c}', b: {c: '???'}}", "{a: '${b.c.d}', b: {c: '???'}}", "{a: ['${b}'], b: '???'}",
    "{a: '${oc.env:GOLDEN_BUCKET}'}", "{a: '${oc.env:GOLDEN_NUMBER}'}", "{a: '${oc.env:GOLDEN_EMPTY}'}",
    "{a: '${oc.env:GOLDEN_EMPTY,x}'}", "{a: 'gs://${oc.env:GOLDEN_BUCKET}/raw'}", "{a: '${oc.env:NOPE}'}",
    "{a: '${oc.env:NOPE,default}'}", "{a: '${oc.env:NOPE,null}'}", "{a: 'x${oc.env:NOPE,null}'}", "{a: '${oc.env:NOPE,3}'}",
    "{a: '${oc.env:NOPE,1e-5}'}", "{a: '${oc.env:NOPE,true}'}", "{a: '${oc.env:NOPE,\"x, y\"}'}", "{a: '${oc.env:NOPE,[1,a]}'}",
    "{a: '${oc.env:NOPE,{k:v}}'}", "{a: '${oc.env:NOPE,${b}}', b: 5}", "{a: '${oc.env:NOPE,${oc.env:GOLDEN_BUCKET}}'}",
    "{a: '${oc.env:NOPE,a b}'}", "{a: '${oc.env:NOPE, http://x.y/z }'}", "{a: '${oc.env:NOPE,gs://${b}/x}', b: 1}",
    "{a: '${oc.env:NOPE,a\\,b}'}", "{a: '${oc.env:NOPE,}'}", "{a: '${oc.env:}'}", "{a: '${oc.env:NOPE,a,b}'}", "{a: '${oc.env:3}'}",
    "{a: \"${oc.env:NOPE,'it\\\\'s'}\"}", "{a: \"${oc.env:NOPE,'v${b}'}\", b: 1}", "{a: '${oc.env:GOLDEN_${b}}', b: BUCKET}",
    "{a: '${oc.env:NOPE,a:b}'}", "{a: '${oc.env:NOPE,''''}'}", "{a: '${oc.env:NOPE,007}'}", "{a: '${oc.env:NOPE,-1.50}'}",
    "{a: '${no.such:1}'}", "{a: '${${k}}', k: b, b: 7}", "{a: '${d.${k}}', k: b, d: {b: 7}}", "{a: '${d[${k}]}', k: b, d: {b: 7}}",
    "{a: '${${k}}', k: d.b, d: {b: 7}}", "{a: '${ b }', b: 1}", "{a: '${b', b: 1}", "{a: '${}'}", "{a: '${b c}', 'b c': 1}",
    "{a: '$b {c}', b: 1}", "{a: 'a}b${b}', b: 1}", "{a: '\\${b}', b: 1}", "{a: '\\\\${b}', b: 1}", "{a: '\\\\\\${b}', b: 1}",
    "{a: 'x\\\\y\\z', b: 1}", "{a: '\\\\$ {b}'}", "{a: '${a-b}', a-b: 1}", "{a: '${1x}', 1x: 2}", "{a: '${b}${b}', b: 2}",
    "{a: '${b} and ${c}', b: [1, x, null, 1.5], c: {k: v}}", "{b: '${a}', a: {x: 1, y: '${b.x}'}}", "{a: '${b.x}', b: '${c}', c: {x: 4}}",
    "{a: '${b}', b: '${c}x', c: y}", "{a: '${b}', b: {c: '${.d}', d: 1}}", "{a: {b: {c: '${a.d}'}, d: '${.e}', e: 1}}",
    "{a: '${b.c}', b: '${d.${e}}', d: {f: {c: 9}}, e: f}", "{a: '${.b}', b: 1}", "{a: '${b.}', b: 1}", "{a: '${b..c}', b: 1}",
    "{a: '${$b}', $b: 3}", "{a: 1e-5, b: 'lr=${a}'}", "{a: .inf, b: 'x${a}'}", "{a: '${b}', b: '', c: 'x${b}y'}",
]


def plain(value):
    """Returns a value that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, (Glob, Sweep)):
        raise ValueError("a sweep within a value")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        if all(isinstance(k, str) for k in value):
            return {k: plain(v) for k, v in value.items()}
        return {"$pairs": [[plain(k), plain(v)] for k, v in value.items()]}
    return value


def kind(error):
    """Returns the kind of an error, in the words of golden.rs."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        return "syntax"
    if isinstance(error, MissingConfigException):
        return "not found"
    if isinstance(error, InterpolationResolutionError):
        return "interpolation"
    if "Ambiguous value" in text or "requires --multirun" in text:
        return "sweep"
    if isinstance(error, ConfigCompositionException) and "To append to your config" in text:
        return "unknown key"
    return "other"


def attempt(function):
    try:
        return function()
    except Exception as error:  # the kinds of errors are part of the golden file
        return {"error": kind(error)}


def compose_case(case):
    search, config, overrides = case

    def run():
        extra = [f"hydra.searchpath=[{','.join('file://' + str(TREES / t) for t in search[1:])}]"] if search[1:] else []
        with initialize_config_dir(str(TREES / search[0]), version_base="1.3"):
            cfg = compose(config, overrides + extra, return_hydra_config=True)
        choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
        choices = {k: v for k, v in choices.items() if not k.startswith("hydra/")}
        OmegaConf.set_struct(cfg, False)
        del cfg["hydra"]
        ret = {"value": plain(OmegaConf.to_container(cfg)), "choices": choices, "yaml": OmegaConf.to_yaml(cfg)}
        OmegaConf.resolve(cfg)
        return ret | {"resolved": plain(OmegaConf.to_container(cfg))}

    return {"search": search, "config": config, "overrides": overrides, "expect": attempt(run)}


class Lines:
    """Collects what Hydra logs."""

    def __init__(self):
        self.text = ""

    def info(self, line):
        self.text += line + "\n"

    debug = info


def info_case(case):
    """Returns what `--info defaults`, `--info defaults-tree` and `--cfg hydra` print."""
    search, config, overrides = case

    def run():
        with initialize_config_dir(str(TREES / search[0]), version_base="1.3"):
            loader = GlobalHydra.instance().hydra
            printed = {}
            for name in ["defaults", "defaults-tree"]:
                hydra_module.log = Lines()
                show = loader._print_defaults_list if name == "defaults" else loader._print_defaults_tree
                show(config_name=config, overrides=overrides)
                printed[name] = hydra_module.log.text
            cfg = loader.compose_config(config_name=config, overrides=overrides, run_mode=RunMode.RUN)
            node = loader.get_sanitized_hydra_cfg(cfg)
            OmegaConf.set_struct(node, False)
            OmegaConf.set_readonly(node.hydra, False)
            node.hydra.runtime.cwd = ""
            node.hydra.runtime.config_sources = []
        return printed | {"hydra": OmegaConf.to_yaml(node)}

    return {"search": search, "config": config, "overrides": overrides, "expect": attempt(run)}


def override_case(text):
    def run():
        parsed = OverridesParser.create().parse_overrides([text])[0]
        if parsed.is_sweep_override():
            return {"error": "sweep"}
        return {"key": parsed.get_key_element(), "value": plain(parsed.value())}

    return {"text": text, "expect": attempt(run)}


def sweep_case(texts):
    def run():
        batches = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(texts), None)
        return {"runs": batches[0]}

    return {"texts": texts, "expect": attempt(run)}


def yaml_case(text):
    def run():
        value = yaml.load(text, Loader=get_yaml_loader())
        if isinstance(value, (dict, list)):
            value = OmegaConf.to_container(OmegaConf.create(value))
        return {"value": plain(value)}

    return {"text": text, "expect": attempt(run)}


def emit_case(value):
    return {"value": plain(value), "yaml": OmegaConf.to_yaml(OmegaConf.create(value))}


def interpolate_case(text):
    def run():
        cfg = OmegaConf.create(text)
        OmegaConf.resolve(cfg)
        return {"value": plain(OmegaConf.to_container(cfg))}

    return {"text": text, "expect": attempt(run)}


def lines(golden):
    """Formats JSON with one case per line, so that diffs show the cases that changed."""
    parts = []
    for name, part in golden.items():
        text = json.dumps(part, ensure_ascii=False)
        if isinstance(part, list):
            text = "[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in part) + "\n]"
        parts.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def drawn():
    """Returns compositions with drawn overrides."""
    return [
        ([tree], config, overrides)
        for tree, config, seed, count, base in DRAWN
        for overrides in draw.lines(TREES / tree, config, seed, count, base)
    ]


def make():
    return {
        "made_by": VERSIONS,
        "environment": ENVIRONMENT,
        "compose": [compose_case(case) for case in COMPOSE + drawn()],
        "info": [info_case(case) for case in INFO],
        "overrides": [override_case(text) for text in OVERRIDES],
        "sweeps": [sweep_case(texts) for texts in SWEEPS],
        "yaml": [yaml_case(text) for text in [f"x: {scalar}" for scalar in SCALARS] + DOCUMENTS],
        "emit": [emit_case(value) for value in EMIT],
        "interpolate": [interpolate_case(text) for text in INTERPOLATE],
    }


def differences(old, new):
    """Describes the lines, and so the cases, in which two texts of golden.json differ."""
    old, new = old.splitlines(), new.splitlines()
    gone = [f"- {line}" for line in old if line not in set(new)]
    come = [f"+ {line}" for line in new if line not in set(old)]
    return gone + come or ["the same lines in another order, or other line ends"]


def check(path, text):
    """Compares the file with the text; returns the exit status."""
    stored = path.read_bytes().decode("utf-8")
    if stored == text:
        print(f"{path.name} is identical, byte for byte: {len(text.encode())} bytes")
        return 0
    print(f"{path.name} differs:", *differences(stored, text), sep="\n")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with golden.json instead of writing it")
    arguments = parser.parse_args()
    installed = {"hydra-core": hydra.__version__, "omegaconf": omegaconf.__version__}
    if installed != VERSIONS:
        sys.exit(f"make_golden.py needs {VERSIONS}, but {installed} are installed")
    warnings.simplefilter("ignore")
    os.environ.update(ENVIRONMENT)
    if not arguments.check:
        # The tests do not depend on later changes of the project's configuration.
        shutil.rmtree(TREES / "project", ignore_errors=True)
        shutil.copytree(HERE.parents[3] / "config/hydra", TREES / "project")
    path, text = HERE / "golden.json", lines(make())
    if arguments.check:
        sys.exit(check(path, text))
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
