#!/bin/sh
# RUSTC_WRAPPER of majors.sh. With --cfg docsrs, pgrx-pg-sys compiles with the bindings it ships; any other crate would
# turn on nightly features under that flag, so it alone gets it.
rustc=$1
shift
case " $* " in
*" --crate-name pgrx_pg_sys "*) exec "$rustc" "$@" --cfg docsrs ;;
esac
exec "$rustc" "$@"
