using Microsoft.FSharp.Core;
using CoreOutcome = Microsoft.FSharp.Core.FSharpResult<RocketMq.Protocol.SendReceipt, RocketMq.Protocol.RemotingError>;
using CoreSend = Microsoft.FSharp.Core.FSharpFunc<
    RocketMq.Protocol.Message,
    System.Threading.Tasks.Task<Microsoft.FSharp.Core.FSharpResult<RocketMq.Protocol.SendReceipt, RocketMq.Protocol.RemotingError>>>;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Interceptors as the core calls them: exceptions of the send become error values again.</summary>
internal static class SendInterceptor
{
    internal static FSharpFunc<Core.Message, FSharpFunc<CoreSend, Task<CoreOutcome>>> ToCore(
        Func<Message, Func<Message, Task<SendReceipt>>, Task<SendReceipt>> interceptor)
    {
        async Task<CoreOutcome> Around(Core.Message message, CoreSend send)
        {
            async Task<SendReceipt> Next(Message sent)
            {
                ArgumentNullException.ThrowIfNull(sent);
                return SendReceipt.FromCore((await send.Invoke(sent.Inner).ConfigureAwait(false)).OrThrow());
            }

            try
            {
                var receipt = await interceptor(new(message), Next).ConfigureAwait(false);
                return CoreOutcome.NewOk(receipt.ToCore());
            }
            catch (RocketMqException error)
            {
                return CoreOutcome.NewError(error.Error);
            }
            catch (OperationCanceledException)
            {
                return CoreOutcome.NewError(Core.RemotingError.NewCancelled(Core.RequestCode.SendMessageV2));
            }
        }

        return FuncConvert.FromFunc<Core.Message, CoreSend, Task<CoreOutcome>>(Around);
    }
}
