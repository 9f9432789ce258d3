/*
A PKCS #11 module that is SoftHSM but for what the environment variable FAULT
says: a token that is locked, is about to lock itself, was taken out, lies, or
talks where only answers belong.
*/
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11go.h"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static int is(const char *fault)
{
	const char *wanted = getenv("FAULT");
	return wanted != NULL && strcmp(wanted, fault) == 0;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	CK_RV rv = real->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK && is("locked"))
		info->flags |= CKF_USER_PIN_LOCKED;
	if (rv == CKR_OK && is("final-try"))
		info->flags |= CKF_USER_PIN_FINAL_TRY;
	return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	const char *log = getenv("FAULT_LOGINS");
	if (log != NULL) {
		FILE *f = fopen(log, "a");
		if (f != NULL) {
			fputs("login\n", f);
			fclose(f);
		}
	}
	if (is("locks"))
		return CKR_PIN_LOCKED;
	if (is("expired"))
		return CKR_PIN_EXPIRED;
	return real->C_Login(session, user, pin, len);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_len, CK_BYTE_PTR sig, CK_ULONG_PTR sig_len)
{
	CK_RV rv;
	if (is("taken-out"))
		return CKR_DEVICE_REMOVED;
	if (is("crashes"))
		abort();
	if (is("talks"))
		printf("{\"signMessage\":{\"signature\":\"AAAA\"}}\n");
	rv = real->C_Sign(session, data, data_len, sig, sig_len);
	if (rv == CKR_OK && sig != NULL && is("lies"))
		sig[*sig_len - 1] ^= 1;
	if (rv == CKR_OK && sig != NULL && is("cuts-off"))
		*sig_len -= 1;
	return rv;
}

static CK_RV attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG n)
{
	CK_ULONG i;
	CK_RV rv = real->C_GetAttributeValue(session, object, template, n);
	if (rv == CKR_OK && is("may-not-sign"))
		for (i = 0; i < n; i++)
			if (template[i].type == CKA_SIGN && template[i].pValue != NULL)
				*(CK_BBOOL *)template[i].pValue = CK_FALSE;
	return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	if (is("refuses"))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (is("cannot"))
		return CKR_MECHANISM_INVALID;
	return real->C_SignInit(session, mechanism, key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
	const char *path = getenv("SOFTHSM");
	CK_C_GetFunctionList get;
	void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW);
	if (is("talks")) {
		setvbuf(stdout, NULL, _IONBF, 0);
		printf("token driver 1.0, debug build\n");
	}
	if (module == NULL || (get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList")) == NULL)
		return CKR_GENERAL_ERROR;
	if (get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	list = *real;
	list.C_GetTokenInfo = token_info;
	list.C_Login = login;
	list.C_GetAttributeValue = attributes;
	list.C_SignInit = sign_init;
	list.C_Sign = sign;
	*out = &list;
	return CKR_OK;
}
