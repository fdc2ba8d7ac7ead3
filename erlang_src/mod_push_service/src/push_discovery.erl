%% What service discovery (XEP-0030) tells clients: that accounts take push registrations, and
%% which commands the vhost has for them.
-module(push_discovery).

-export([register/1, unregister/1]).
%% Hooks
-export([disco_sm_features/5, adhoc_local_items/4, disco_local_identity/5,
         disco_local_features/5]).

-include("xmpp.hrl").

%% {Hook and function, Sequence}; the same list adds and deletes.
hooks() ->
    [{disco_sm_features, 60},        %% after mod_push (50), to say it once
     {adhoc_local_items, 50},
     {disco_local_identity, 60},
     {disco_local_features, 60}].

-spec register(Host :: binary()) -> ok.
register(Host) ->
    lists:foreach(fun({Hook, Seq}) ->
        ejabberd_hooks:add(Hook, Host, ?MODULE, Hook, Seq)
    end, hooks()).

-spec unregister(Host :: binary()) -> ok.
unregister(Host) ->
    lists:foreach(fun({Hook, Seq}) ->
        ejabberd_hooks:delete(Hook, Host, ?MODULE, Hook, Seq)
    end, hooks()).

-spec disco_sm_features({error, stanza_error()} | {result, [binary()]} | empty, jid(), jid(),
                        binary(), binary()) ->
    {error, stanza_error()} | {result, [binary()]} | empty.
disco_sm_features({error, _} = Acc, _From, _To, _Node, _Lang) ->
    Acc;
disco_sm_features(Acc, #jid{luser = U, lserver = S}, #jid{luser = U, lserver = S}, <<>>, _Lang) ->
    Features = case Acc of
        {result, Others} -> Others;
        empty -> []
    end,
    {result, [?NS_PUSH_0 | lists:delete(?NS_PUSH_0, Features)]};
disco_sm_features(Acc, _From, _To, _Node, _Lang) ->
    Acc.

-spec adhoc_local_items(term(), jid(), jid(), binary()) -> term().
adhoc_local_items(Acc, #jid{lserver = Host}, #jid{lserver = Host} = To, Lang) ->
    Items = case Acc of
        {result, Others} -> Others;
        _ -> []
    end,
    Ours = [#disco_item{jid = jid:remove_resource(To), node = Node,
                        name = translate:translate(Lang, Name)}
            || {Node, Name} <- push_adhoc:command_nodes()],
    {result, Items ++ Ours};
adhoc_local_items(Acc, _From, _To, _Lang) ->
    Acc.

%% What a command's node is (XEP-0050, section 2.4).
-spec disco_local_identity([identity()], jid(), jid(), binary(), binary()) -> [identity()].
disco_local_identity(Acc, _From, _To, Node, Lang) ->
    case lists:keyfind(Node, 1, push_adhoc:command_nodes()) of
        {_, Name} ->
            [#identity{category = <<"automation">>, type = <<"command-node">>,
                       name = translate:translate(Lang, Name)} | Acc];
        false ->
            Acc
    end.

-spec disco_local_features({error, stanza_error()} | {result, [binary()]} | empty, jid(), jid(),
                           binary(), binary()) ->
    {error, stanza_error()} | {result, [binary()]} | empty.
disco_local_features(Acc, _From, _To, Node, _Lang) ->
    case lists:keymember(Node, 1, push_adhoc:command_nodes()) of
        true -> {result, [?NS_COMMANDS, ?NS_XDATA]};
        false -> Acc
    end.
