using CoreOutcome = Microsoft.FSharp.Core.FSharpResult<RocketMq.SendReceipt, RocketMq.RemotingError>;
using CoreSend = Microsoft.FSharp.Core.FSharpFunc<
    RocketMq.Message,
    System.Threading.Tasks.Task<Microsoft.FSharp.Core.FSharpResult<RocketMq.SendReceipt, RocketMq.RemotingError>>>;

namespace RocketMq.Client;

/// <summary>Interceptors as the core calls them: exceptions of the send become error values again, others stay exceptions.</summary>
internal static class SendInterceptor
{
    internal static FSharpFunc<Core.Message, FSharpFunc<CoreSend, Task<CoreOutcome>>> ToCore(
        Func<Message, Func<Message, Task<SendReceipt>>, Task<SendReceipt>> interceptor)
    {
        async Task<CoreOutcome> Around(Core.Message message, CoreSend send)
        {
            Core.RemotingError? cancelled = null;

            async Task<SendReceipt> Next(Message sent)
            {
                ArgumentNullException.ThrowIfNull(sent);
                var outcome = await send.Invoke(sent.Inner).ConfigureAwait(false);

                if (outcome is { IsError: true, ErrorValue.IsCancelled: true })
                {
                    cancelled = outcome.ErrorValue;
                }

                return SendReceipt.FromCore(outcome.OrThrow());
            }

            try
            {
                var sending = interceptor(new(message), Next) ?? throw Handlers.NoTask(interceptor);
                var receipt = await sending.ConfigureAwait(false) ?? throw Handlers.NoValue(interceptor, "receipt");
                return CoreOutcome.NewOk(receipt.ToCore());
            }
            catch (RocketMqException error) when (error.Error is { } known)
            {
                return CoreOutcome.NewError(known);
            }
            catch (OperationCanceledException) when (cancelled is not null)
            {
                // The caller of the send gave up, and not the interceptor.
                return CoreOutcome.NewError(cancelled);
            }
        }

        return FuncConvert.FromFunc<Core.Message, CoreSend, Task<CoreOutcome>>(Around);
    }
}
