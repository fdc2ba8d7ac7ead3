# What the benchmarks' programs share: what to build, and how to run an Erlang program of native/apns_bench/erlang on the
# client's core. To be sourced at the top of the project.
#
# BENCH_CLIENT_CORE  the core on which clients run; 0 unless given
# BENCH_SERVER_CORE  that of the server; 1 unless given
# BENCH_ERL_FLAGS    flags for erl; none unless given
# shellcheck shell=bash

BENCH_TARGET=${CARGO_TARGET_DIR:-target}
BENCH_OUT=$BENCH_TARGET/bench
BENCH_CLIENT_CORE=${BENCH_CLIENT_CORE:-0}
BENCH_SERVER_CORE=${BENCH_SERVER_CORE:-1}

bench_fail() { printf 'bench: %s\n' "$1" >&2; exit 1; }

bench_need() {
    local command core
    for command in cargo erlc taskset; do
        command -v "$command" >/dev/null || bench_fail "there is no $command: run \`make setup\` first"
    done
    for core in "$BENCH_CLIENT_CORE" "$BENCH_SERVER_CORE"; do
        taskset --cpu-list "$core" true 2>/dev/null ||
            bench_fail "there is no core $core here; BENCH_CLIENT_CORE and BENCH_SERVER_CORE name two others"
    done
}

# The library, the server, and the application in a place of its own, so that a benchmark neither needs nor changes what
# rebar3 built.
bench_build() {
    local id
    cargo build --release --locked -p apns_nif -p apns_bench
    cargo build --release --locked -p apns_bench --example engine_alone
    mkdir -p "$BENCH_OUT"/apns_nif/{src,ebin,priv} "$BENCH_OUT/ebin"
    cp "$BENCH_TARGET/release/libapns_nif.so" "$BENCH_OUT/apns_nif/priv/apns_nif.so.new"
    # By renaming: another run may have the old one mapped.
    mv -f "$BENCH_OUT/apns_nif/priv/apns_nif.so.new" "$BENCH_OUT/apns_nif/priv/apns_nif.so"
    id=$(grep -aoE -m 1 'apns_nif_build_id:[0-9A-Za-z.+-]+;' "$BENCH_OUT/apns_nif/priv/apns_nif.so") ||
        bench_fail "the library carries no build id"
    id=${id%%;*}
    printf -- '-define(BUILD_ID, <<"%s">>).\n' "${id#*:}" >"$BENCH_OUT/apns_nif/src/apns_nif_build_id.hrl"
    cp erlang_src/apns_nif/src/apns_nif.erl "$BENCH_OUT/apns_nif/src/"
    erlc -o "$BENCH_OUT/apns_nif/ebin" "$BENCH_OUT/apns_nif/src/apns_nif.erl"
    erlc -Werror -pa "$BENCH_OUT/apns_nif/ebin" -o "$BENCH_OUT/ebin" native/apns_bench/erlang/*.erl
}

# bench_build_peers [CARGO'S OPTION...]: the Rust clients that we are compared with.
bench_build_peers() {
    cargo build --release --locked --manifest-path native/apns_bench/peers/Cargo.toml --target-dir "$BENCH_OUT/peers" "$@"
}

# bench_erl MODULE [ARGUMENT...]: runs Module:main() in a VM of its own on the client's core.
bench_erl() {
    bench_erl_on "$BENCH_CLIENT_CORE" "$@"
}

# The same on these cores: `bench_erl_on 0,1 MODULE [ARGUMENT...]`.
bench_erl_on() {
    local cores=$1 module=$2
    shift 2
    # shellcheck disable=SC2086  # a list of flags
    taskset --cpu-list "$cores" erl ${BENCH_ERL_FLAGS:-} -noshell -noinput -pa "$BENCH_OUT/apns_nif/ebin" "$BENCH_OUT/ebin" \
        -s "$module" main -extra "$BENCH_TARGET/release/apns_bench_sink" "$BENCH_TARGET/release/examples/engine_alone" \
        "$BENCH_OUT/credentials" "$BENCH_CLIENT_CORE" "$BENCH_SERVER_CORE" "$@"
}
