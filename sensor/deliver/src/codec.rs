//! gRPC's codec for requests that are encoded already.
use prost::bytes::{BufMut as _, Bytes};
use std::marker::PhantomData;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
};
use tonic_prost::{ProstCodec, ProstDecoder};

/// An encoded request; clones share it.
pub(crate) type Written = Bytes;

/// Encoded requests out, messages `T` in.
#[derive(Debug)]
pub(crate) struct Exchange<T>(PhantomData<T>);

impl<T> Default for Exchange<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: prost::Message + Default + 'static> Codec for Exchange<T> {
    type Encode = Written;
    type Decode = T;
    type Encoder = Copying;
    type Decoder = ProstDecoder<T>;

    fn encoder(&mut self) -> Copying {
        Copying
    }

    fn decoder(&mut self) -> ProstDecoder<T> {
        ProstCodec::<T, T>::raw_decoder(BufferSettings::default())
    }
}

#[derive(Debug)]
pub(crate) struct Copying;

impl Encoder for Copying {
    type Item = Written;
    type Error = Status;

    fn encode(&mut self, item: Written, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}
