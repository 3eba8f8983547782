# make run     a demo volume in a private place; Ctrl-C takes it all away
# make test    installs what the tests need, stages, runs every test
# make cookbook  builds, tests and lints the five translators of plugin-api/cookbook, outside the workspace
# make check   formatting, lints, licences, documentation
# make stage   lays a complete tree out below target/stage
# make bench   benchmarks on an optimised stage
# make fuzz    every property test with many more cases
# make guided  every fuzz target that is led by coverage, GUIDED_SECONDS (60) each
# make tools   installs fsx and pjdfstest below target/tools; the tests that drive them say so where they are not there
# make soak    the long tests, which `make test` leaves out
# make abi-record  builds the translators that tests/abi keeps of the version that is not released yet

# `quick` builds quickly and serves the tests; `release` is what one installs and measures.
PROFILE ?= release
CARGO   ?= cargo
TARGET  := $(or $(CARGO_TARGET_DIR),target)
BUILT    = $(TARGET)/$(PROFILE)
STAGE   := target/stage
PLUGINS := $(wildcard plugins/*/Cargo.toml plugins/*/*/Cargo.toml)
ROOTLESS = $(if $(filter 0,$(shell id -u)),,-E 'not binary(interop)')

.PHONY: run test cookbook check stage bench fuzz guided soak tools build deps nextest abi-record

run: PROFILE := quick
run: stage
	@$(BUILT)/demo

COOKBOOK = --manifest-path plugin-api/cookbook/Cargo.toml --target-dir $(TARGET) --locked --quiet

test: PROFILE := quick
test: deps stage nextest cookbook
	$(CARGO) test --doc --workspace --profile $(PROFILE) --quiet

# Without root no sandbox can be made: those tests are left out, and it is said.
nextest: deps stage
	$(if $(ROOTLESS),@echo "not root: the tests that need a sandbox are LEFT OUT")
	MORTAR_STACK_SERVER="$${MORTAR_STACK_SERVER:-$(STAGE)/sbin}" \
	    $(CARGO) nextest run --workspace --cargo-profile $(PROFILE) $(ROOTLESS)

# As a third party builds: a workspace and a lockfile of their own. The target folder is shared, and with it the registry's part.
cookbook: PROFILE := quick
cookbook:
	cd plugin-api/cookbook && $(CARGO) fmt --check -p debug-tracer -p features-crypt -p features-notify -p features-usage
	$(CARGO) test $(COOKBOOK) --workspace --profile $(PROFILE)
	$(CARGO) clippy $(COOKBOOK) --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(CARGO) test --package plugin-api --features local-runtime --lib --profile $(PROFILE) --quiet local_runtime
	$(CARGO) build $(COOKBOOK) --workspace --profile $(PROFILE)
	$(CARGO) build --package host --bin mortar --profile $(PROFILE) --quiet
	@key=$$(mktemp) && trap "rm -f $$key" EXIT && head -c 32 /dev/urandom > $$key && \
	for recipe in debug_tracer features_usage features_write_cap \
	    "features_crypt --option key-file=$$key" "features_notify --option url=http://127.0.0.1:9/"; do \
	    set -- $$recipe; lib=$$1; shift; $(BUILT)/mortar plugin check --quick $(BUILT)/lib$$lib.so $$@ || exit 1; \
	done

check: PROFILE := quick
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --profile $(PROFILE) -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check licenses bans sources; \
	    else echo "cargo-deny is not installed: licences, bans and sources are not checked"; fi
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --profile $(PROFILE) --quiet

build:
	$(CARGO) build --workspace --profile $(PROFILE)

# A file is replaced, never written over: what runs goes on with the one it opened.
stage: build
	@mkdir -p $(STAGE)/sbin
	@install -m 755 $(BUILT)/mortar $(BUILT)/gluster $(STAGE)/sbin
	@for name in glusterd glusterfsd glusterfs mount.glusterfs gf_attach gluster-setgfid2path; do ln -sfn mortar $(STAGE)/sbin/$$name; done
	@for manifest in $(PLUGINS); do \
	    place=$${manifest#plugins/}; place=$${place%/Cargo.toml}; \
	    case $$place in rpc-transport/*|rpc-program/*|auth/*) to=$$place ;; *) to=xlator/$$place ;; esac; \
	    built=lib$$(echo $$place | tr '/-' '__').so; \
	    install -D -m 755 $(BUILT)/$$built $(STAGE)/lib/mortar/$$to.so || exit 1; \
	done
	@$(BUILT)/mortar documents $(STAGE)/share
	@$(BUILT)/gluster --manual > $(STAGE)/share/man/man8/gluster.8
	@for shell in bash zsh fish; do $(BUILT)/gluster --completion=$$shell > $(STAGE)/share/$$(case $$shell in \
	    bash) echo bash-completion/completions/gluster;; zsh) echo zsh/site-functions/_gluster;; \
	    fish) echo fish/vendor_completions.d/gluster.fish;; esac); done
	@echo "staged $(words $(PLUGINS)) plugins and the programs below $(STAGE)"

deps:
	@.ci/deps

bench: stage
	$(CARGO) bench --workspace --bench '*'

fuzz: PROFILE := quick
fuzz:
	PROPTEST_CASES=$${PROPTEST_CASES:-50000} $(CARGO) nextest run --workspace --cargo-profile $(PROFILE) -E 'not binary(interop)'

# The flags are cargo-fuzz's without a sanitizer; finds go below target, the kept corpus is only read. libFuzzer's C++ part needs c++.
GUIDED   = tests/fuzz/guided
COVERAGE = --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
TRIPLE   = $$($(CARGO) -vV | sed -n 's/^host: //p')
guided:
	triple=$(TRIPLE) && RUSTFLAGS="$(COVERAGE)" $(CARGO) build --locked --release --target $$triple \
	    --manifest-path $(GUIDED)/Cargo.toml --target-dir $(TARGET)/guided && \
	for target in $(patsubst $(GUIDED)/fuzz_targets/%.rs,%,$(wildcard $(GUIDED)/fuzz_targets/*.rs)); do \
	    found=$(TARGET)/guided/found/$$target; mkdir -p $$found $$found-crash && echo "== $$target" && \
	    $(TARGET)/guided/$$triple/release/$$target $$found $(GUIDED)/corpus/$$target \
	        -max_total_time=$${GUIDED_SECONDS:-60} -max_len=4096 -rss_limit_mb=512 -timeout=5 -close_fd_mask=1 \
	        -artifact_prefix=$$found-crash/ -print_final_stats=1 || exit 1; \
	done

# An hour for all targets, beside the long tests.
soak: PROFILE := quick
soak: deps stage tools
	$(CARGO) nextest run -p tests --cargo-profile $(PROFILE) --run-ignored only
	$(MAKE) guided GUIDED_SECONDS=$${GUIDED_SECONDS:-450}

tools:
	@[ -x target/tools/bin/fsx ] && [ -x target/tools/bin/pjdfstest ] || \
	    $(CARGO) install --locked --quiet --root target/tools fsx@0.3.2 pjdfstest@0.2.2

# Of a released version they are never built again: they are what that version built.
# The kept libraries name no folder of the machine that built them.
abi-record: REMAP = --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
abi-record:
	@for policy in pass deny decompose; do \
	    RUSTFLAGS="$(REMAP)" $(CARGO) build --release --quiet --manifest-path tests/abi/plugins/Cargo.toml \
	        --target-dir $(TARGET)/abi-record --features $$policy || exit 1; \
	    install -m 644 $(TARGET)/abi-record/release/libkept.so tests/abi/1.0/scramble-$$policy.so || exit 1; \
	done
	@UPDATE=1 $(CARGO) nextest run -p tests --cargo-profile quick -E 'test(golden::every)'
