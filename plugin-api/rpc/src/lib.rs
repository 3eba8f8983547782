//! ONC RPC server and client over the transport ABI.
