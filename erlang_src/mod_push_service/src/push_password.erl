%% Where a vhost wants it, a change of an account's password is the end of all its devices: who
%% has a lost phone changes the password, and the phone is to show nothing any more.
%%
%% ejabberd tells of every change since 25.07, by the hook set_password. Before, two kinds are
%% seen: a client's own (XEP-0077), when its request is answered with success; and those by a
%% command, when it is called. The rest is not, which the start says.
-module(push_password).

-export([set_host/2]).
%% For its test
-export([is_wanted_anywhere/2]).
%% Hooks
-export([set_password/2, api_call/3, user_send_packet/1, user_receive_packet/1]).
%% Pure
-export([asks_for_change/1, commanded/3]).

-include("logger.hrl").
-include("xmpp.hrl").

-type c2s_state() :: ejabberd_c2s:state().

%% Adding what is there, and deleting what is not, changes nothing.
-spec set_host(Host :: binary(), IsWanted :: boolean()) -> ok.
set_host(Host, IsWanted) ->
    Change = case IsWanted of
        true -> fun ejabberd_hooks:add/5;
        false -> fun ejabberd_hooks:delete/5
    end,
    lists:foreach(fun(Hook) -> Change(Hook, Host, ?MODULE, Hook, 50) end, hooks()),
    case tells_all() of
        true -> ok;
        false -> ok = watch_commands(Host, IsWanted), say(Host, IsWanted)
    end.

%% Those for each stanza are of where nothing better is.
hooks() ->
    case tells_all() of
        true -> [set_password];
        false -> [user_send_packet, user_receive_packet]
    end.

%% No function tells which hooks there are: this one came with it.
tells_all() ->
    _ = code:ensure_loaded(mod_auth_fast),
    erlang:function_exported(mod_auth_fast, remove_user_tokens, 2).

%% The hook is the node's.
watch_commands(Host, IsWanted) ->
    case is_wanted_anywhere(Host, IsWanted) of
        false -> ejabberd_hooks:delete(api_call, ?MODULE, api_call, 50);
        true -> ejabberd_hooks:add(api_call, ?MODULE, api_call, 50)
    end.

%% Whatever this vhost's settings say: they are there until it has stopped.
-spec is_wanted_anywhere(Host :: binary(), IsWanted :: boolean()) -> boolean().
is_wanted_anywhere(Host, IsWanted) ->
    IsWanted orelse lists:any(fun({Other, _}) -> Other =/= Host andalso is_wanted(Other) end,
                              push_settings:hosts()).

say(Host, true) ->
    ?WARNING_MSG("~ts: with this version of ejabberd, remove_on_password_change sees changes by "
                 "clients (mod_register) and by the commands change_password, ban_account and "
                 "unban_account, and no others: not those on mod_register_web's page, by ad-hoc "
                 "commands of mod_configure, or on pages of a web admin older than 24.06. From "
                 "25.07 on it sees all", [Host]);
say(_Host, false) ->
    ok.

is_wanted(Host) ->
    case push_settings:get(Host) of
        {ok, #{remove_on_password_change := IsWanted}} -> IsWanted;
        _ -> false
    end.

%%% Hooks

-spec set_password(binary(), binary()) -> ok.
set_password(User, Server) ->
    changed({User, Server}).

%% Before the command runs: whether it succeeds is not known. Where it does not, apps register at
%% their next start.
-spec api_call(module(), atom(), list()) -> ok.
api_call(Module, Function, Args) ->
    case commanded(Module, Function, Args) of
        {ok, {User, Server}} ->
            case {jid:nodeprep(User), jid:nameprep(Server)} of
                {LUser, LServer} when is_binary(LUser), is_binary(LServer) ->
                    changed({LUser, LServer});
                _ ->
                    ok
            end;
        none ->
            ok
    end.

-spec user_send_packet({stanza(), c2s_state()}) -> {stanza(), c2s_state()}.
user_send_packet({#iq{id = Id} = IQ, State}) ->
    case asks_for_change(IQ) of
        true -> {IQ, State#{push_service_password => Id}};
        false -> {IQ, State}
    end;
user_send_packet(Acc) ->
    Acc.

%% The server's answer, from what the request was sent to: nobody else sends from there.
-spec user_receive_packet({stanza(), c2s_state()}) -> {stanza(), c2s_state()}.
user_receive_packet({#iq{id = Id, type = Type,
                         from = #jid{lserver = S, lresource = <<>>} = From} = IQ,
                     #{push_service_password := Id, jid := #jid{luser = U, lserver = S}} = State})
  when Type =:= result orelse Type =:= error,
       From#jid.luser =:= <<>> orelse From#jid.luser =:= U ->
    case Type of
        result -> changed({U, S});
        error -> ok
    end,
    {IQ, maps:remove(push_service_password, State)};
user_receive_packet(Acc) ->
    Acc.

%% push_loader does it, as it does logouts: hooks do not wait for a database.
changed({_, Host} = US) ->
    case is_wanted(Host) of
        true -> push_loader:logout(US, password, untold, erlang:system_time(millisecond));
        false -> ok
    end.

%%% Pure

%% Whether a client's request, if it succeeds, changes its own account's password.
-spec asks_for_change(iq()) -> boolean().
asks_for_change(#iq{type = set, from = #jid{luser = U, lserver = S}, to = To} = IQ) ->
    case is_own(To, U, S) andalso xmpp:has_subtag(IQ, #register{})
         andalso xmpp:try_subtag(IQ, #register{}) of
        #register{remove = false, username = User, password = Password, xdata = Form} ->
            names(User, U) andalso is_binary(Password)
                orelse (is_tuple(Form) andalso form_names(Form, U));
        _ ->
            false
    end;
asks_for_change(_) ->
    false.

is_own(undefined, _U, _S) -> true;
is_own(#jid{luser = <<>>, lserver = S, lresource = <<>>}, _U, S) -> true;
is_own(#jid{luser = U, lserver = S, lresource = <<>>}, U, S) -> true;
is_own(_, _U, _S) -> false.

form_names(Form, U) ->
    case xmpp_util:get_xdata_values(<<"username">>, Form) of
        [User] -> names(User, U);
        _ -> false
    end.

names(User, LUser) when is_binary(User) -> jid:nodeprep(User) =:= LUser;
names(_, _) -> false.

%% Whose password a command sets.
-spec commanded(module(), atom(), list()) -> {ok, {User :: binary(), Host :: binary()}} | none.
commanded(mod_admin_extra, Function, [User, Host | _])
  when Function =:= set_password; Function =:= ban_account; Function =:= ban_account_v2;
       Function =:= unban_account ->
    case is_binary(User) andalso is_binary(Host) of
        true -> {ok, {User, Host}};
        false -> none
    end;
commanded(_Module, _Function, _Args) ->
    none.
